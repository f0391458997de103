"""Whose turn at an operation it is, by a number that nobody has twice; no worker's id ever was."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "operation", sa.Column("turn", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.drop_column("operation", "worker_id")
