"""An index of refused attempts alone: which of today's codes Outbox does not know."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    refused = sa.text("error_code IS NOT NULL")
    op.create_index(
        "ix_attempt_refused",
        "attempt",
        ["id", "error_code"],
        sqlite_where=refused,
        postgresql_where=refused,
    )
