"""Compile all triggers into one Hyperscan (Vectorscan) database."""

from typing import TYPE_CHECKING, NamedTuple

import hyperscan

if TYPE_CHECKING:
    from keyfuse_rules.triggers import Triggers, Whole


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
