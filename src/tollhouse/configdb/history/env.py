"""Alembic's way in: runs the history over the connection that `configdb.database.upgrade` hands it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
