"""Usage events in the table `kf_usage_events`, where `keyfuse keys usage` shows them."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from keyfuse_store.database import Database
from keyfuse_store.sinks.interface import Call, columns
from keyfuse_store.usage_schema import usage_events as table

_NAMES = ("at", "key_id", "code", "scopes", "cost", "address", "agent")
# Deleted at once, so that nobody waits long for the write lock of SQLite.
_PIECE = 5000


class DatabaseSink:
    """Writes each batch in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, calls: Sequence[Call]) -> None:
        """See `Sink.write`."""
        rows = [dict(zip(_NAMES, columns(call), strict=True)) for call in calls]
        with self._database.begin() as connection:
            connection.execute(insert(table), rows)

    def prune(self, before: int) -> None:
        """See `Sink.prune`."""
        old = select(table.c.id).where(table.c.at < before).order_by(table.c.at).limit(_PIECE)
        while True:
            with self._database.begin() as connection:
                gone = connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
            if gone < _PIECE:
                return
