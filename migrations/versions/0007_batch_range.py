"""Between which ids a batch's messages lie: no index for it that each claim would pay for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("batch", sa.Column("after_id", BigInt))
    op.add_column("batch", sa.Column("until_id", BigInt))
    op.execute(
        "UPDATE batch SET after_id = ends.first - 1,"
        " until_id = CASE WHEN batch.state = 'loading' THEN NULL ELSE ends.last END"
        " FROM (SELECT batch_id, min(id) AS first, max(id) AS last FROM message"
        " WHERE batch_id IS NOT NULL GROUP BY batch_id) AS ends WHERE ends.batch_id = batch.id"
    )
