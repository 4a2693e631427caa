"""The chain through the audit record: how an entry is linked to the one before it, and the check.

The MAC of an entry is HMAC-SHA256(key derived from a pepper, MAC of the entry before it + the
entry). Nothing here knows where the entries lie: the database and an exported file are checked
by the same function. A record cut at its end is still a chain; only a head that was noted
elsewhere (a log, another machine) tells that something is missing.
"""

import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from keyfuse_store.errors import InvalidField
from keyfuse_store.peppers import PepperRing

COLUMNS = ("seq", "at", "actor", "origin", "action", "subject", "detail", "pepper_version")
"""What the MAC covers, in this order."""

START = bytes(32)
"""What stands for the MAC before the first entry."""

_PURPOSE = b"keyfuse-audit-v1"
_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})", re.ASCII)


class Head(NamedTuple):
    """The last entry of a record at some moment; its text is `seq:mac`."""

    seq: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.mac.hex()}"


class ChainReport(NamedTuple):
    """How far the chain holds; `problem` is None where all of it does."""

    checked: int
    problem: str | None


def chain_key(ring: PepperRing, version: int) -> bytes:
    """The key of entries written under a version of the pepper.

    Raises:
        PepperError: the version is not at hand.
    """
    return ring.derive(version, _PURPOSE)


def link(key: bytes, previous: bytes, row: Mapping[str, object]) -> bytes:
    """The MAC of an entry that follows the one with the MAC `previous`."""
    text = json.dumps([row[name] for name in COLUMNS], separators=(",", ":"))
    return hmac.digest(key, previous + text.encode(), "sha256")


def check(
    rows: Iterable[Mapping[str, object]],
    ring: PepperRing,
    heads: Sequence[Head] = (),
    start: Head | None = None,
) -> tuple[ChainReport, Head]:
    """Recompute a whole record, first entry first, or what of it follows `start`.

    Args:
        rows: `COLUMNS` and `mac` of each entry.
        ring: The peppers the record was written with.
        heads: Heads that were noted elsewhere; the record must have passed through them.
        start: The entry before the first of `rows`; None where that is the first of all.

    Returns:
        The first thing that is wrong (a changed, removed, inserted or re-ordered entry, or one
        that a noted head proves to be missing), and the last entry that is right.
    """
    noted = {head.seq: head.mac for head in heads}
    last = Head(0, START) if start is None else start
    for row in rows:
        problem = _problem(row, last, ring, noted)
        if problem is not None:
            return ChainReport(last.seq, problem), last
        last = Head(last.seq + 1, _bytes(row["mac"]))
    if any(seq > last.seq for seq in noted):
        missing = f"entries after {last.seq} are missing: there were {max(noted)}"
        return ChainReport(last.seq, missing), last
    return ChainReport(last.seq, None), last


def parse_head(text: str) -> Head:
    """Read `seq:mac`.

    Raises:
        InvalidField: the text is no head.
    """
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise InvalidField("head", "must be NUMBER:MAC as `keyfuse audit verify` prints it")
    return Head(int(match[1]), bytes.fromhex(match[2]))


def _problem(
    row: Mapping[str, object], last: Head, ring: PepperRing, noted: Mapping[int, bytes]
) -> str | None:
    number = last.seq + 1
    if row["seq"] != number:
        return f"entry {number} is missing"
    version = row["pepper_version"]
    if not isinstance(version, int) or ring.get(version) is None:
        return f"entry {number} needs pepper {version}"
    mac = _bytes(row["mac"])
    if not hmac.compare_digest(link(chain_key(ring, version), last.mac, row), mac):
        return f"entry {number} is not what was written"
    if number in noted and not hmac.compare_digest(noted[number], mac):
        return f"entry {number} is not the one whose head was noted"
    return None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
