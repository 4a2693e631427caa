"""What a matcher is made of, kept in one file, so that a hook neither parses nor compiles."""

import marshal
from collections.abc import Sequence
from typing import Any, NamedTuple, overload
from zlib import crc32

from keyfuse_rules.model import Allow, Rule, Severity
from keyfuse_rules.search import Signal
from keyfuse_scanner.engine import privatefolder

# To be raised whenever triggers or their decoding change in a way that files' dates do not tell.
_FORMAT = 1
_FILES_MAX = 12
_CRC_LENGTH = 4


class Compiled(NamedTuple):
    """What a matcher is made of.

    Attributes:
        rules: In the order in which signals count them; empty where the caller has them.
        signals: What hits mean.
        numbers: For each pattern of the database, which of the signals it gives.
        database: Serialized; empty for the search without native code.
        needles: For the search without native code.
    """

    rules: Sequence[Rule]
    signals: tuple[Signal, ...]
    numbers: Sequence[int] = ()
    database: bytes = b""
    needles: Sequence[tuple[int, bytes, bytes]] = ()


def load(key: tuple[Any, ...]) -> Compiled | None:
    """Return what was kept under a key, or None if that is nothing, damaged or not trusted."""
    raw = privatefolder.read(privatefolder.cache_folder(), _name(key))
    if raw is None or crc32(raw[_CRC_LENGTH:]).to_bytes(_CRC_LENGTH, "big") != raw[:_CRC_LENGTH]:
        return None
    try:
        kept_format, kept_key, content = marshal.loads(  # noqa: S302 - nobody else may have written it
            memoryview(raw)[_CRC_LENGTH:]
        )
        if (kept_format, kept_key) != (_FORMAT, key):
            return None
        return _unpacked(content)
    except (ValueError, TypeError, EOFError):
        return None


def store(key: tuple[Any, ...], compiled: Compiled) -> bool:
    """Keep something under a key; return whether that was possible."""
    raw = marshal.dumps((_FORMAT, key, _packed(compiled)))
    return privatefolder.write(
        privatefolder.cache_folder(),
        _name(key),
        crc32(raw).to_bytes(_CRC_LENGTH, "big") + raw,
        keep=_FILES_MAX,
    )


def packed_rules(rules: Sequence[Rule]) -> tuple[tuple[Any, ...], ...]:
    """Return rules as tuples of plain values."""
    return tuple(_plain(rule) for rule in rules)


def _name(key: tuple[Any, ...]) -> str:
    """Return a file name for a key; that it is the same key is seen in the file."""
    return f"engine-{crc32(marshal.dumps(key)):08x}"


def _packed(compiled: Compiled) -> tuple[Any, ...]:
    return (
        packed_rules(compiled.rules),
        _plain(compiled.signals),
        bytes(memoryview(_numbers(compiled.numbers)).cast("B")),
        compiled.database,
        _plain(tuple(compiled.needles)),
    )


def _unpacked(content: tuple[Any, ...]) -> Compiled:
    rules, signals, numbers, database, needles = content
    return Compiled(
        rules=_KeptRules(rules),
        signals=tuple(Signal._make(fields) for fields in signals),
        numbers=memoryview(numbers).cast("H"),
        database=database,
        needles=needles,
    )


def _numbers(numbers: Sequence[int]) -> Any:
    from array import array

    return array("H", numbers)


def _plain(value: Any) -> Any:
    """Return named tuples as tuples and enumerations as numbers: all that `marshal` knows."""
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return int(value) if isinstance(value, Severity) else value


_SEVERITY = Rule._fields.index("severity")
_ALLOWS = Rule._fields.index("allows")


class _KeptRules(Sequence[Rule]):
    """Rules that become rules when they are asked for: most runs ask for none."""

    def __init__(self, kept: Sequence[tuple[Any, ...]]) -> None:
        self._kept = kept
        self._made: dict[int, Rule] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Rule: ...

    @overload
    def __getitem__(self, index: slice) -> list[Rule]: ...

    def __getitem__(self, index: int | slice) -> Rule | list[Rule]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        rule = self._made.get(index)
        if rule is None:
            rule = self._made[index] = _rule(self._kept[index])
        return rule


def _rule(fields: tuple[Any, ...]) -> Rule:
    values = list(fields)
    values[_SEVERITY] = Severity(values[_SEVERITY])
    values[_ALLOWS] = tuple(Allow._make(allow) for allow in values[_ALLOWS])
    return Rule._make(values)
