"""Indexes of what waits for a reason of its own: counted for the depth of the queue, and listed.

Both are partial, so a message that is scheduled, claimed and sent without trouble is in neither.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_message_held": (["account_id", "hold"], "hold IS NOT NULL"),
    "ix_message_refused": (["account_id", "due_at"], "hold IS NULL AND error_class IS NOT NULL"),
}


def upgrade() -> None:
    for name, (columns, condition) in INDEXES.items():
        where = sa.text(f"status = 'pending' AND {condition}")
        op.create_index(name, "message", columns, sqlite_where=where, postgresql_where=where)
