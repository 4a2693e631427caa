"""What a matcher is made of, kept in one file, so that a hook neither parses nor compiles."""

import marshal
from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, overload
from zlib import crc32

from keyfuse_scanner.engine import privatefolder

if TYPE_CHECKING:
    from keyfuse_rules.model import Rule

# To be raised whenever triggers or their decoding change in a way that files' dates do not tell.
_FORMAT = 3
_FILES_MAX = 12

PlainSignal = tuple[str, tuple[int, ...], int, int]
"""The fields of a `keyfuse_rules.search.Signal`."""


class Compiled(NamedTuple):
    """What a matcher is made of.

    Attributes:
        rules: In the order in which signals count them.
        signals: What hits mean.
        numbers: For each pattern of the database, which of the signals it gives.
        database: Serialized; empty for the search without native code.
        needles: For the search without native code.
    """

    rules: "Sequence[Rule]"
    signals: Sequence[PlainSignal]
    numbers: Sequence[int] = ()
    database: bytes = b""
    needles: Sequence[tuple[int, bytes, bytes]] = ()


def load(key: tuple[Any, ...]) -> Compiled | None:
    """Return what was kept under a key, or None if that is nothing, damaged or not trusted.

    The database is not looked at here: the library checks it.
    """
    parts = privatefolder.read(privatefolder.cache_folder(), _name(key))
    if parts is None or len(parts) != _PARTS:
        return None
    checksum, head, database, rules = parts
    if _checksum(head, rules) != checksum:
        return None
    try:
        kept_format, kept_key, signals, numbers, needles = marshal.loads(head)  # noqa: S302 - nobody else may have written it
    except (ValueError, TypeError, EOFError):
        return None
    if (kept_format, kept_key) != (_FORMAT, key):
        return None
    return Compiled(_KeptRules(rules), signals, memoryview(numbers).cast("H"), database, needles)


def store(key: tuple[Any, ...], compiled: Compiled) -> bool:
    """Keep something under a key; return whether that was possible."""
    signals, needles = _plain(tuple(compiled.signals)), _plain(tuple(compiled.needles))
    head = marshal.dumps((_FORMAT, key, signals, _packed_numbers(compiled.numbers), needles))
    rules = marshal.dumps([marshal.dumps(fields) for fields in packed_rules(compiled.rules)])
    parts = (_checksum(head, rules), head, compiled.database, rules)
    return privatefolder.write(privatefolder.cache_folder(), _name(key), parts, keep=_FILES_MAX)


def packed_rules(rules: "Sequence[Rule]") -> tuple[tuple[Any, ...], ...]:
    """Return rules as tuples of plain values."""
    return tuple(_plain(rule) for rule in rules)


_PARTS = 4


def _checksum(*parts: bytes) -> bytes:
    crc = 0
    for part in parts:
        crc = crc32(part, crc)
    return crc.to_bytes(4, "big")


def _name(key: tuple[Any, ...]) -> str:
    """Return a file name for a key; that it is the same key is seen in the file."""
    # Later versions of the format tell strings apart that are equal.
    return f"engine-{crc32(marshal.dumps(key, 2)):08x}"


def _packed_numbers(numbers: Sequence[int]) -> bytes:
    from array import array

    return array("H", numbers).tobytes()


def _plain(value: Any) -> Any:
    """Return named tuples as tuples and enumerations as numbers: all that `marshal` knows."""
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return int(value) if isinstance(value, IntEnum) else value


class _KeptRules(Sequence["Rule"]):
    """Rules that become rules when they are asked for: most runs ask for none."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._kept: Sequence[bytes] | None = None
        self._made: dict[int, Rule] = {}

    def _each(self) -> Sequence[bytes]:
        if self._kept is None:
            self._kept = marshal.loads(self._packed)  # noqa: S302 - see load
        return self._kept

    def __len__(self) -> int:
        return len(self._each())

    @overload
    def __getitem__(self, index: int) -> "Rule": ...

    @overload
    def __getitem__(self, index: slice) -> "list[Rule]": ...

    def __getitem__(self, index: int | slice) -> "Rule | list[Rule]":
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        rule = self._made.get(index)
        if rule is None:
            fields = marshal.loads(self._each()[index])  # noqa: S302 - see load
            rule = self._made[index] = _rule(fields)
        return rule


def _rule(fields: tuple[Any, ...]) -> "Rule":
    from keyfuse_rules.model import Allow, Rule, Severity

    rule = Rule._make(fields)
    allows = tuple(Allow._make(allow) for allow in rule.allows)
    return rule._replace(severity=Severity(rule.severity), allows=allows)
