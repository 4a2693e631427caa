"""The fast search: all triggers in one Hyperscan (Vectorscan) database, one call per object."""

from collections.abc import Sequence
from typing import Any

import hyperscan

from keyfuse_rules.search import HIT_LIMIT, Hit

VERSION: str = hyperscan.__version__  # type: ignore[attr-defined] # missing in its stub


class NativeSearch:
    """Searches with a compiled database; for one thread at a time."""

    def __init__(self, numbers: Sequence[int], database: "hyperscan.Database") -> None:
        """Make a search.

        Args:
            numbers: For each pattern of the database, which of the signals it gives.
            database: Compiled in block mode, with the patterns numbered from 0.
        """
        self._numbers = numbers
        self._scan = database.scan
        self._told = self._on_hit  # a method is made anew each time it is asked for
        self._database = database

    def __reduce__(self) -> tuple[Any, ...]:
        # For processes that do not inherit it.
        return _again, (list(self._numbers), hyperscan.dumpb(self._database))

    def hits(self, data: bytes) -> list[Hit]:
        """Return the hits in one object; see `keyfuse_rules.search.Search`."""
        found: list[Hit] = []
        try:  # noqa: SIM105 - a context manager for each object costs more than a small object
            self._scan(data, self._told, 0, found)
        except hyperscan.ScanTerminated:
            pass  # the limit, which the caller sees by their number
        return found

    def _on_hit(self, pattern: int, _begin: int, end: int, _flags: int, found: Any) -> bool | None:
        # It may be called again after it returned True, which asks for the end of the scan.
        if len(found) >= HIT_LIMIT:
            return True
        found.append((self._numbers[pattern], end))
        return None


def _again(numbers: Sequence[int], serialized: bytes) -> NativeSearch:
    return NativeSearch(numbers, loaded(serialized))


def loaded(serialized: bytes) -> "hyperscan.Database":
    """Return a database from what `keyfuse_scanner.engine.compiling` made.

    Raises:
        hyperscan.error: It is damaged, of another version or for another CPU.
    """
    database = hyperscan.loadb(serialized, hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database
