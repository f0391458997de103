"""What files of reminders need: batches that start with a few, and everything to one person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.db import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("batch", sa.Column("arguments", Json))
    op.add_column("batch", sa.Column("trial_since", UtcDateTime()))
    op.add_column("batch", sa.Column("paused_at", UtcDateTime()))
    op.add_column("template", sa.Column("hold_by", sa.Text()))
    op.add_column("operation", sa.Column("result", Json))
    _recipients()


def _recipients() -> None:
    """Beside the words, where the engine never writes: an index on `message` costs each claim."""
    op.add_column(
        "content", sa.Column("recipient", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    op.execute(
        "UPDATE content SET recipient ="
        " (SELECT m.recipient FROM message m WHERE m.id = content.message_id)"
    )
    op.create_index("ix_content_recipient", "content", ["recipient", "message_id"])
