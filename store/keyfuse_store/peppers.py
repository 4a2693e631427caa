"""Peppers: the secret half of every stored digest, kept outside the database.

A pepper has a version so that it can be replaced: new keys use the highest, old keys are
checked with theirs. The database keeps a check value per version, by which a wrong pepper is
noticed at the start and not as "every key is unknown".
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from keyfuse_store.errors import PepperError
from keyfuse_store.schema import keys
from keyfuse_store.schema import peppers as table

PEPPER_MIN = 32
_BLOCK = 64  # bytes that SHA-256 takes at a time
_VERSION = re.compile(r"[0-9]{1,6}", re.ASCII)
_CHECK = b"keyfuse-pepper-check-v1"


class PepperRing:
    """The peppers at hand, by version; its repr shows the versions only.

    Attributes:
        current: The highest version, used for new keys.

    Raises:
        PepperError: no pepper, one shorter than 32 bytes, or a version below 1.
    """

    __slots__ = ("_pads", "_peppers", "current")

    def __init__(self, peppers: Mapping[int, bytes]) -> None:
        if not peppers:
            raise PepperError("peppers: at least one is needed, like 1:<base64 of 32 bytes>")
        for version, pepper in peppers.items():
            if version < 1:
                raise PepperError(f"peppers: version {version} must be 1 or more")
            if len(pepper) < PEPPER_MIN:
                raise PepperError(f"peppers: version {version} has fewer than {PEPPER_MIN} bytes")
        self._peppers = dict(peppers)
        self._pads = {version: _pads(pepper) for version, pepper in peppers.items()}
        self.current = max(peppers)

    @property
    def versions(self) -> tuple[int, ...]:
        """Every version at hand, lowest first."""
        return tuple(sorted(self._peppers))

    def get(self, version: int) -> bytes | None:
        """The pepper of a version, or None where it is not at hand."""
        return self._peppers.get(version)

    def mac(self, version: int, data: bytes) -> bytes | None:
        """HMAC-SHA256 under the pepper of a version; None where that is not at hand.

        The halves of the computation that depend on the pepper alone (RFC 2104, section 4) are
        done once: what is left takes a third of the time.
        """
        pads = self._pads.get(version)
        if pads is None:
            return None
        inner, outer = pads[0](), pads[1]()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    def digest(self, token: str) -> tuple[int, bytes]:
        """The current version and the HMAC-SHA256 of a key under it."""
        return self.current, hmac.digest(self._peppers[self.current], token.encode(), "sha256")

    def proves(self, version: int, token: str, digest: bytes) -> bool:
        """Tell whether a whole key is the one behind a stored digest, in constant time."""
        mac = self.mac(version, token.encode())
        return mac is not None and hmac.compare_digest(mac, digest)

    def derive(self, version: int, purpose: bytes) -> bytes:
        """A key for another purpose.

        Raises:
            PepperError: the version is not at hand.
        """
        pepper = self._peppers.get(version)
        if pepper is None:
            raise PepperError(f"peppers: version {version} is not at hand")
        return hmac.digest(pepper, purpose, "sha256")

    def __repr__(self) -> str:
        return f"PepperRing(versions={self.versions})"


def _pads(pepper: bytes) -> tuple[Callable[[], "hashlib._Hash"], Callable[[], "hashlib._Hash"]]:
    """What copies the inner and the outer hash, their first block done; key material both."""
    key = hashlib.sha256(pepper).digest() if len(pepper) > _BLOCK else pepper
    block = key.ljust(_BLOCK, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
    return inner.copy, outer.copy


def parse_peppers(text: str, where: str) -> PepperRing:
    """Read `1:base64,2:base64`; lines may stand in for commas, `#` begins a comment line.

    Args:
        text: What was configured.
        where: The setting or file it came from, for the message.

    Raises:
        PepperError: it cannot be read; the message shows no part of a pepper.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    peppers: dict[int, bytes] = {}
    for entry in filter(None, (part.strip() for part in ",".join(lines).split(","))):
        version, _, encoded = entry.partition(":")
        if _VERSION.fullmatch(version) is None:
            raise PepperError(f"{where}: each pepper must be VERSION:BASE64, like 1:q83v…")
        if int(version) in peppers:
            raise PepperError(f"{where}: version {int(version)} is given twice")
        try:
            peppers[int(version)] = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise PepperError(f"{where}: version {int(version)} is not base64") from None
    try:
        return PepperRing(peppers)
    except PepperError as error:
        raise PepperError(f"{where}: {error}") from None


def read_file(path: Path) -> PepperRing:
    """Read the peppers of a file.

    Raises:
        PepperError: the file cannot be read or holds no peppers.
    """
    try:
        text = path.read_text("ascii")
    except OSError as error:
        raise PepperError(f"pepper file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PepperError(f"pepper file {path} is not text") from None
    return parse_peppers(text, f"pepper file {path}")


def create_file(path: Path, token_bytes: Callable[[int], bytes] = os.urandom) -> PepperRing:
    """Make a first pepper for an embedded database, or read the one another process just made.

    Raises:
        PepperError: the folder cannot be written.
    """
    encoded = base64.b64encode(token_bytes(PEPPER_MIN)).decode()
    text = f"# keyfuse peppers. Without this file every key is dead: back it up.\n1:{encoded}\n"
    draft = path.with_name(f".{path.name}.{os.getpid()}.{token_bytes(8).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written in full before it gets its name: nobody ever reads half a pepper.
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise PepperError(f"pepper file {path} cannot be made: {error.strerror}") from None
    return read_file(path)


def registered(connection: Connection) -> dict[int, bytes]:
    """The check value of every pepper version this database has seen."""
    rows = connection.execute(select(table.c.version, table.c.check_value))
    return {row.version: row.check_value for row in rows}


def unregistered(ring: PepperRing, known: Mapping[int, bytes]) -> list[int]:
    """The versions at hand that a database has not seen.

    Raises:
        PepperError: a pepper is not the one the database was written with.
    """
    for version in ring.versions:
        if version in known and not hmac.compare_digest(_check(ring, version), known[version]):
            raise PepperError(
                f"peppers: version {version} is not the pepper this database was written with; "
                "restore that one, or give the new pepper a new version"
            )
    return [version for version in ring.versions if version not in known]


def register(connection: Connection, ring: PepperRing, at: int) -> list[int]:
    """Write the check values that are missing and return their versions.

    Raises:
        PepperError: a pepper is not the one the database was written with.
    """
    fresh = unregistered(ring, registered(connection))
    for version in fresh:
        row = {"version": version, "check_value": _check(ring, version), "registered_at": at}
        connection.execute(insert(table).values(row))
    return fresh


def usage(connection: Connection) -> dict[int, int]:
    """How many keys that are not revoked hang on each pepper version."""
    count = (
        select(keys.c.pepper_version, func.count())
        .where(keys.c.state != "revoked")
        .group_by(keys.c.pepper_version)
    )
    return {row[0]: row[1] for row in connection.execute(count)}


def _check(ring: PepperRing, version: int) -> bytes:
    return ring.derive(version, _CHECK)
