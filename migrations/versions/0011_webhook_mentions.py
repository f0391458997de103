"""Which attempts a webhook tells of, for a message's page; earlier ones are not looked up."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook_mention",
        sa.Column("attempt_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("webhook_event_id", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", "webhook_event_id", name="pk_webhook_mention"),
    )
