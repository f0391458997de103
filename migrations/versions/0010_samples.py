"""How deep the queue was: a sample a minute, and longer steps made of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.db import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "queue_sample",
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("reasons", Json, nullable=False),
        sa.Column("standings", Json, nullable=False),
        sa.Column("oldest", sa.Float(), nullable=True),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("p50", sa.Float(), nullable=True),
        sa.Column("p95", sa.Float(), nullable=True),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_queue_sample_account_id")
        ),
        sa.PrimaryKeyConstraint("step", "at", "account_id", name=op.f("pk_queue_sample")),
    )
