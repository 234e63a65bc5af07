"""Run by Alembic: applies the revisions on the connection that `storage.upgrade` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
