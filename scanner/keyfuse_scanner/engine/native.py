"""The fast search: all triggers in one Hyperscan (Vectorscan) database, one call per object."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import hyperscan

from keyfuse_rules.search import HIT_LIMIT, Hit, Signal

if TYPE_CHECKING:
    from keyfuse_rules.triggers import Triggers, Whole

VERSION: str = hyperscan.__version__  # type: ignore[attr-defined] # missing in its stub


class NativeSearch:
    """Searches with a compiled database; for one thread at a time."""

    def __init__(
        self,
        signals: Sequence[Signal],
        numbers: Sequence[int],
        database: "hyperscan.Database",
    ) -> None:
        """Make a search.

        Args:
            signals: What hits mean.
            numbers: For each pattern of the database, which of the signals it gives.
            database: Compiled in block mode, with the patterns numbered from 0.
        """
        self.signals = signals
        self._numbers = numbers
        self._scan = database.scan
        self._database = database

    def __reduce__(self) -> tuple[Any, ...]:
        # For processes that do not inherit it.
        return _again, (self.signals, list(self._numbers), hyperscan.dumpb(self._database))

    def hits(self, data: bytes) -> list[Hit]:
        """Return the hits in one object; see `keyfuse_rules.search.Search`."""
        found: list[Hit] = []
        try:  # noqa: SIM105 - a context manager for each object costs more than a small object
            self._scan(data, self._on_hit, 0, found)
        except hyperscan.ScanTerminated:
            pass  # the limit, which the caller sees by their number
        return found

    def _on_hit(self, pattern: int, _begin: int, end: int, _flags: int, found: Any) -> bool | None:
        # It may be called again after it returned True, which asks for the end of the scan.
        if len(found) >= HIT_LIMIT:
            return True
        found.append((self._numbers[pattern], end))
        return None


def _again(signals: Sequence[Signal], numbers: Sequence[int], serialized: bytes) -> NativeSearch:
    return NativeSearch(signals, numbers, loaded(serialized))


class Serialized(NamedTuple):
    """A compiled database.

    Attributes:
        numbers: For each pattern, which of the signals it gives.
    """

    database: bytes
    numbers: list[int]


def compiled(wanted: "Triggers") -> Serialized:
    """Return the database of all triggers; takes about a second.

    Each pattern has a number of its own: shared numbers make the compiler ten times slower.
    """
    from keyfuse_rules.triggers import expression

    patterns = [_Pattern(expression(one), _SMALL, one.signal) for one in wanted.triggers]
    wholes = [_Pattern(one.expression, _WHOLE, one.signal) for one in wanted.wholes]
    try:
        return _serialized(patterns + wholes)
    except hyperscan.error:
        # Something in one of them is unknown here or too much; the others keep their advantage.
        for one, pattern in zip(wanted.wholes, wholes, strict=True):
            patterns += [pattern] if _compiles(pattern) else _by_literals(one)
        return _serialized(patterns)


_SMALL = hyperscan.HS_FLAG_DOTALL
# Once is enough, and what goes beyond a regular language may be widened.
_WHOLE = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_PREFILTER


class _Pattern(NamedTuple):
    expression: bytes
    flags: int
    signal: int


def _serialized(patterns: list[_Pattern]) -> Serialized:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[pattern.expression for pattern in patterns],
        ids=list(range(len(patterns))),
        elements=len(patterns),
        flags=[pattern.flags for pattern in patterns],
    )
    return Serialized(hyperscan.dumpb(database), [pattern.signal for pattern in patterns])


def _compiles(pattern: _Pattern) -> bool:
    try:
        _serialized([pattern])
    except hyperscan.error:
        return False
    return True


def _by_literals(whole: "Whole") -> list[_Pattern]:
    flags = hyperscan.HS_FLAG_SINGLEMATCH
    escaped = (b"".join(b"\\x%02x" % byte for byte in literal) for literal in whole.literals)
    return [_Pattern(literal, flags, whole.signal) for literal in escaped]


def loaded(serialized: bytes) -> "hyperscan.Database":
    """Return a database from what `compiled` returned.

    Raises:
        hyperscan.error: It is damaged, of another version or for another CPU.
    """
    database = hyperscan.loadb(serialized, hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database
