"""How many messages each account had on a day, by label: what is normal for that weekday."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "day_volume",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=True),
        sa.Column("counted_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_day_volume_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "day", "label", name=op.f("pk_day_volume")),
    )
