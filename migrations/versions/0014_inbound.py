"""What people write to our numbers; what they wrote before stands in webhooks only."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inbound",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("wamid", sa.Text(), nullable=False),
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("answers", sa.Text(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("webhook_event_id", BigInt, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_inbound_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_inbound"),
        sa.UniqueConstraint("wamid", name="uq_inbound_wamid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbound_person", "inbound", ["account_id", "number", "at"])
    op.create_index(
        "ix_inbound_answers",
        "inbound",
        ["answers"],
        sqlite_where=sa.text("answers IS NOT NULL"),
        postgresql_where=sa.text("answers IS NOT NULL"),
    )
