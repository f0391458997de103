"""What few messages have in common: a class of failure, a label, who scheduled them, a template."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _some("ix_message_class", "message", ["status", "error_class", "due_at", "id"], "error_class")
    _some("ix_content_label", "content", ["label", "message_id"], "label")
    _some("ix_content_template", "content", ["template", "message_id"], "template")
    op.create_index("ix_content_created_by", "content", ["created_by", "message_id"])


def _some(name: str, table: str, columns: list[str], there: str) -> None:
    where = sa.text(f"{there} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
