"""Since when a worker has not reached the API: what its breaker knows, for everybody to see."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worker", sa.Column("unreached_since", UtcDateTime(), nullable=True))
