"""What comes out of archives, and how much of it; read this first."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

MEBIBYTE = 1024 * 1024
PIECE = MEBIBYTE


class Refused(NamedTuple):
    """A part of an archive that was not looked into, and why."""

    reason: str


class Member(NamedTuple):
    """The content of a member that is no archive itself.

    Attributes:
        steps: The archives it is in, outermost first: zip, tar, gzip, bzip2, xz, zstd.
        pieces: Its bytes, to be taken before the next member is asked for.
    """

    steps: tuple[str, ...]
    pieces: Iterator[bytes]


class Limits(NamedTuple):
    """How much an archive may cost.

    Attributes:
        depth: Archives within archives.
        members: In all of them.
        size: Bytes that may come out whatever the archive's size.
        ratio: Bytes that may come out for each byte of the archive, beyond that.
        whole: Bytes of an archive that must be at hand as a whole (zip, and what is scanned).
        seconds: Of time.
    """

    depth: int = 6
    members: int = 65_536
    size: int = 32 * MEBIBYTE
    ratio: int = 20
    whole: int = 32 * MEBIBYTE
    seconds: float = 30.0


LIMITS = Limits()


class LimitReached(Exception):
    """An archive would cost more than it may; the message says what was too much."""


class Damaged(Exception):
    """What looked like an archive cannot be unpacked any further."""


class Meter:
    """Counts what comes out of one archive, all layers together."""

    def __init__(self, size: int, limits: Limits, clock: Callable[[], float]) -> None:
        self._left = limits.size + limits.ratio * size
        self._members = limits.members
        self._clock = clock
        self._deadline = clock() + limits.seconds

    def produced(self, size: int) -> None:
        """Account for some bytes.

        Raises:
            LimitReached: They are too many, or came too late.
        """
        self._left -= size
        if self._left < 0:
            raise LimitReached("more comes out of it than is looked into")
        if self._clock() > self._deadline:
            raise LimitReached("it takes too long to unpack")

    def member(self) -> None:
        """Account for one member.

        Raises:
            LimitReached: They are too many.
        """
        self._members -= 1
        if self._members < 0:
            raise LimitReached("it has too many members")
