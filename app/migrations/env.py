"""Alembic's entry: runs migrations on the connection it is given (see `app.schema`)."""

from __future__ import annotations

from alembic import context

from app import tables

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=tables.METADATA,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
