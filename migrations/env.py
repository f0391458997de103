"""Alembic's entry: runs on the connection that `core.schema.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import core.models  # noqa: F401  (registers the tables)

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    # The search index's own tables belong to SQLite, not to the models.
    include_name=lambda name, kind, _: (
        not (kind == "table" and (name or "").startswith("content_"))
    ),
)
with context.begin_transaction():
    context.run_migrations()
