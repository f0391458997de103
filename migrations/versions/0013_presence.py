"""When a person was last here, and when before that: what happened since they left."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("here_at", UtcDateTime(), nullable=True))
    op.add_column("user", sa.Column("left_at", UtcDateTime(), nullable=True))
