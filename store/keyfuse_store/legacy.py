"""Keys from before keyfuse: how one is recognised, and the digest it is found by.

Of such a key only the hash is known that its API kept. The pepper goes over that hash as it goes
over a whole key of ours, so that a stolen table is worth as little, and a row is found by the
result: these keys have no id in them that could be looked up.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from keyfuse_store.keytypes import KeyType, Legacy
from keyfuse_store.peppers import PepperRing

TOKEN_MAX = 512

_PURPOSE = b"keyfuse-legacy-v1"
_SIZES = {"sha256": 32, "sha512": 64}


class _Format(NamedTuple):
    matches: Callable[[str], object]
    legacy: Legacy


class LegacyKeys:
    """The formats that the key types declare; false where none does."""

    def __init__(self, types: Iterable[KeyType], ring: PepperRing) -> None:
        declared = (kind.legacy for kind in types)
        self._formats = tuple(
            _Format(re.compile(legacy.pattern).fullmatch, legacy)
            for legacy in declared
            if legacy is not None
        )
        self._ring = ring

    def __bool__(self) -> bool:
        return bool(self._formats)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of the pepper under which a row can be found."""
        return self._ring.versions

    def materials(self, text: str) -> list[bytes]:
        """What the pepper goes over, once for each format that the whole text has."""
        if len(text) > TOKEN_MAX or not text.isascii():
            return []
        found = (legacy for matches, legacy in self._formats if matches(text))
        return list(dict.fromkeys(material(one, hashed(one, text)) for one in found))

    def candidates(self, text: str) -> list[list[bytes]]:
        """For each format of the text the digests of its row, that of the newest pepper first."""
        return [peppered(self._ring, one) for one in self.materials(text)]

    def digests(self, text: str) -> list[bytes]:
        """Every digest under which the row of a key may lie."""
        return [digest for some in self.candidates(text) for digest in some]


def hashed(legacy: Legacy, text: str) -> bytes:
    """The hash of a key as its API has kept it."""
    name = legacy.hash.removeprefix("hmac-")
    if legacy.key is not None:
        return hmac.digest(legacy.key.reveal().encode(), text.encode(), name)
    return hashlib.new(name, text.encode()).digest()


def size(legacy: Legacy) -> int:
    """How many bytes such a hash has."""
    return _SIZES[legacy.hash.removeprefix("hmac-")]


def material(legacy: Legacy, hash_value: bytes) -> bytes:
    """What the pepper goes over: the hash, told apart from every other use of a pepper."""
    return b"\0".join((_PURPOSE, legacy.hash.encode(), hash_value))


def peppered(ring: PepperRing, legacy_material: bytes) -> list[bytes]:
    """The digest under each pepper at hand, newest first."""
    return [
        hmac.digest(pepper, legacy_material, "sha256")
        for version in reversed(ring.versions)
        if (pepper := ring.get(version)) is not None
    ]
