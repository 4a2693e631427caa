"""What was looked into before, so that a scan of history pays only for what is new.

Kept in the user's cache: the ids of objects and which of them hold something, never what; no names
of files or refs, which may be secrets. The ids of a pack are in a file of their own, named by the
pack's checksum, whatever the rules were.
"""

import marshal
from typing import Any, NamedTuple
from zlib import crc32

from keyfuse_rules.sha256 import sha256_hex
from keyfuse_scanner.engine import privatefolder
from keyfuse_scanner.objectstore.idtable import ID, IdTable

_FORMAT = 1
_HISTORIES_MAX, _PACKS_MAX = 32, 64

Key = tuple[Any, ...]
"""Plain values that decide what is found: the object store, the rules, the limits."""


class Walked(NamedTuple):
    """What git said was missing in history.

    Attributes:
        state: Digest of from where history was reached; see `keyfuse_scanner.sources.roots`.
        tips: Object ids of the refs, in hex.
        missing: Reason and object id of what was missing.
    """

    state: bytes
    tips: tuple[str, ...]
    missing: tuple[tuple[str, str | None], ...]


class Memory(NamedTuple):
    """What was looked into under one key.

    Attributes:
        packs: Checksums of packs.
        loose: Ids of loose objects.
        found: Ids of objects that hold something.
        objects: How many objects there were, and their bytes in `size`.
    """

    packs: frozenset[bytes] = frozenset()
    loose: frozenset[bytes] = frozenset()
    found: frozenset[bytes] = frozenset()
    objects: int = 0
    size: int = 0
    walked: Walked | None = None


def recall(key: Key) -> Memory:
    """Return what was remembered under a key; nothing where that is not there or damaged."""
    raw = _read(_name(key)) or b""
    try:
        kept = marshal.loads(raw)  # noqa: S302 - nobody else may have written it
        kept_format, packs, loose, found, objects, size, walked = kept
    except (ValueError, TypeError, EOFError):
        return Memory()
    if kept_format != _FORMAT:
        return Memory()
    return Memory(packs, loose, found, objects, size, Walked(*walked) if walked else None)


def remember(key: Key, memory: Memory) -> None:
    """Keep something under a key, if that is possible."""
    fields: tuple[Any, ...] = memory[:-1]
    walked: tuple[Any, ...] | None = tuple(memory.walked) if memory.walked else None
    _write(_name(key), marshal.dumps((_FORMAT, *fields, walked)), _HISTORIES_MAX)


def recall_pack(checksum: bytes) -> IdTable | None:
    """Return the ids in a pack that was remembered, also when it is gone."""
    raw = _read(f"pack-{checksum.hex()}")
    return None if raw is None or len(raw) % ID else IdTable(raw)


def remember_pack(checksum: bytes, table: bytes) -> None:
    """Keep the ids of a pack, in order and one behind the other."""
    _write(f"pack-{checksum.hex()}", table, _PACKS_MAX)


def _name(key: Key) -> str:
    return f"history-{sha256_hex(repr(key).encode())[:32]}"


def _read(name: str) -> bytes | None:
    parts = privatefolder.read(privatefolder.cache_folder(), name)
    if parts is None or len(parts) != 2 or _checksum(parts[1]) != parts[0]:  # noqa: PLR2004 - see below
        return None
    return parts[1]


def _write(name: str, raw: bytes, keep: int) -> None:
    privatefolder.write(privatefolder.cache_folder(), name, (_checksum(raw), raw), keep=keep)


def _checksum(raw: bytes) -> bytes:
    return crc32(raw).to_bytes(4, "big")
