"""Where usage events go: into the database, into files, to standard output."""

from keyfuse_store.sinks.interface import Call, Sink, event_json
from keyfuse_store.sinks.opening import open_sink

__all__ = ["Call", "Sink", "event_json", "open_sink"]
