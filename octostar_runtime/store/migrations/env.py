"""Run by Alembic. The connection is handed over by the caller, already in a transaction."""

from alembic import context

from octostar_runtime.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
