"""What is open among all operations there ever were."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_operation_state", "operation", ["state", "id"])
