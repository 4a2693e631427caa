"""Runs the migrations on the connection that `keyfuse_store.revisions` hands over."""

from alembic import context

import keyfuse_store.leak_schema  # noqa: F401 - its tables stand in the same metadata
from keyfuse_store.revisions import VERSION_TABLE
from keyfuse_store.schema import metadata

PREFIX = "kf_"


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Look at our own tables only: the job library keeps others in the same database."""
    return kind != "table" or (name is not None and name.startswith(PREFIX))


def run() -> None:
    """Migrate inside the transaction that is already open."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        include_name=include_name,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
