"""Archives within archives, layer by layer."""

import time
from collections.abc import Callable, Iterator
from itertools import chain

from keyfuse_scanner.archives.kinds import HEAD_LENGTH, archive_kind
from keyfuse_scanner.archives.model import (
    LIMITS,
    Damaged,
    LimitReached,
    Limits,
    Member,
    Meter,
    Refused,
)


def members(
    data: bytes, limits: Limits = LIMITS, clock: Callable[[], float] = time.monotonic
) -> Iterator[Member | Refused]:
    """Yield what is in an archive that is at hand as a whole, and what was not looked into.

    Each member is to be taken before the next is asked for. Damage ends an archive silently: its
    bytes are scanned as they are, too. A limit ends it with a reason.
    """
    unpacking = _Unpacking(limits, Meter(len(data), limits, clock))
    try:
        yield from unpacking.layer(iter((data,)), ())
    except LimitReached as limit:
        yield Refused(str(limit))


class _Unpacking:
    """One archive and the limits that all its layers share."""

    def __init__(self, limits: Limits, meter: Meter) -> None:
        self._limits = limits
        self._meter = meter
        self._limit: LimitReached | None = None

    def layer(self, pieces: Iterator[bytes], steps: tuple[str, ...]) -> Iterator[Member | Refused]:
        """Yield the members of what may be an archive, or the whole as one member."""
        try:
            head, rest = _head(pieces)
            pieces = chain((head,), rest)
            kind = archive_kind(head)
            if kind is None:
                yield Member(steps, self._until_broken(pieces))
                if self._limit is not None:
                    raise self._limit
            elif len(steps) >= self._limits.depth:
                yield Refused("archives within archives, too many of them")
            else:
                yield from self._members(kind, pieces, (*steps, kind))
        except Damaged:
            return

    def _members(
        self, kind: str, pieces: Iterator[bytes], steps: tuple[str, ...]
    ) -> Iterator[Member | Refused]:
        if kind == "tar":
            from keyfuse_scanner.archives.tar import tar_members

            contents: Iterator[Iterator[bytes] | Refused] = tar_members(pieces)
        elif kind == "zip":
            from keyfuse_scanner.archives.zip import zip_members

            contents = zip_members(self._whole(pieces), self._limits.members)
        else:
            from keyfuse_scanner.archives.streams import decompressed

            contents = iter((decompressed(kind, pieces),))
        for content in contents:
            if isinstance(content, Refused):
                yield content
            else:
                self._meter.member()
                yield from self.layer(self._metered(content), steps)

    def _metered(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._meter.produced(len(piece))
            yield piece

    def _whole(self, pieces: Iterator[bytes]) -> bytes:
        gathered: list[bytes] = []
        left = self._limits.whole
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise LimitReached("an archive is too large to be looked into")
            gathered.append(piece)
        return b"".join(gathered)

    def _until_broken(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what there is; who takes it need not know why it ends."""
        try:
            yield from pieces
        except Damaged:
            return
        except LimitReached as limit:
            self._limit = limit


def _head(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Take as many pieces as are needed to tell what they are; return them and what follows."""
    head = b""
    try:
        for piece in pieces:
            head += piece
            if len(head) >= HEAD_LENGTH:
                break
    except (Damaged, LimitReached) as reason:
        # What could be unpacked is looked into all the same.
        return head, _ended(reason)
    return head, pieces


def _ended(reason: Damaged | LimitReached) -> Iterator[bytes]:
    yield from ()
    raise reason
