"""When a send loop last lived: what comes due while none does may be late."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("installation", sa.Column("lived_until", UtcDateTime(), nullable=True))
