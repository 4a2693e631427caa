"""Usage events as JSON lines: into one file a day, or to standard output."""

import fcntl
import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from keyfuse_store.sinks.interface import Call, event_json
from keyfuse_store.times import from_micros


class FileSink:
    """Appends to `usage-2026-11-23.jsonl` beside the path `usage.jsonl`, by the day in UTC.

    Any number of processes may write the same files: each batch is appended in one piece.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, calls: Sequence[Call]) -> None:
        """See `Sink.write`."""
        days: dict[date, list[Call]] = defaultdict(list)
        for call in calls:
            days[from_micros(call.at).date()].append(call)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for day, its_calls in days.items():
            _append(self._of(day), _lines(its_calls))

    def prune(self, before: int) -> None:
        """See `Sink.prune`; a file goes when all of its day is past."""
        keep = self._of(from_micros(before).date()).name
        for path in self._path.parent.glob(f"{self._path.stem}-????-??-??{self._path.suffix}"):
            if path.name < keep:
                path.unlink(missing_ok=True)

    def _of(self, day: date) -> Path:
        return self._path.with_name(f"{self._path.stem}-{day.isoformat()}{self._path.suffix}")


class StdoutSink:
    """Prints to standard output, for whatever collects a container's logs."""

    def write(self, calls: Sequence[Call]) -> None:
        """See `Sink.write`."""
        sys.stdout.write(_lines(calls).decode())
        sys.stdout.flush()

    def prune(self, before: int) -> None:
        """Whoever reads them keeps them."""


class NoSink:
    """Where usage events are switched off."""

    def write(self, calls: Sequence[Call]) -> None:
        """There are none."""

    def prune(self, before: int) -> None:
        """There are none."""


def _lines(calls: Sequence[Call]) -> bytes:
    return b"".join(json.dumps(event_json(call)).encode() + b"\n" for call in calls)


def _append(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        if os.write(file, data) < len(data):
            # The disk is full: half a line would spoil the one after it.
            os.ftruncate(file, size)
            raise OSError(f"usage file {path} is full")
    finally:
        os.close(file)
