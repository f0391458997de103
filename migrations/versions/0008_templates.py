"""What a template was before Meta changed it, and when a business's templates were last read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.db import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("template", sa.Column("status_since", UtcDateTime()))
    op.add_column("template", sa.Column("changed_at", UtcDateTime()))
    op.add_column("template", sa.Column("previous", Json))
    op.add_column("business", sa.Column("synced_at", UtcDateTime()))
    op.add_column("business", sa.Column("sync_tried_at", UtcDateTime()))
    op.add_column("business", sa.Column("sync_error", sa.Text()))
