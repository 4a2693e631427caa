"""Which class takes the usage events; to add a place: one module, one line here."""

from collections.abc import Callable

from keyfuse_store.database import Database
from keyfuse_store.settings import Settings
from keyfuse_store.sinks.database import DatabaseSink
from keyfuse_store.sinks.interface import Sink
from keyfuse_store.sinks.stream import FileSink, NoSink, StdoutSink

_FILE = "usage.jsonl"


def open_sink(settings: Settings, database: Database) -> Sink:
    """The sink that the setting `usage_sink` names, if `usage_events` wants any."""
    if settings.usage_events == "off":
        return NoSink()
    return _PLACES[settings.usage_sink](settings, database)


def _file(settings: Settings, _database: Database) -> Sink:
    return FileSink(settings.usage_file or settings.home / _FILE)


_PLACES: dict[str, Callable[[Settings, Database], Sink]] = {
    "database": lambda _settings, database: DatabaseSink(database),
    "file": _file,
    "stdout": lambda _settings, _database: StdoutSink(),
}
