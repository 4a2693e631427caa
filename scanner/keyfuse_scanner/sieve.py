"""Tell which objects hold something, at the smallest price for those that do not."""

from collections.abc import Iterator

from keyfuse_rules.matching import Matcher
from keyfuse_scanner.archives.kinds import archive_kind
from keyfuse_scanner.examine import examine
from keyfuse_scanner.gitbatch import BatchObject
from keyfuse_scanner.objects import documents
from keyfuse_scanner.objectstore import BLOB, KINDS
from keyfuse_scanner.windows import PIECE

_NAMES = {number: name for name, number in KINDS.items()}


class Sieve:
    """Looks into the objects that `keyfuse_scanner.objectstore` reads; one for each process."""

    def __init__(self, matcher: Matcher, max_size: int | None = None, *, every: bool) -> None:
        """Make a sieve.

        Args:
            matcher: The rules.
            max_size: Bytes above which a blob is let through unseen: somebody has to report it.
            every: Let through what is judged to be no secret, too.
        """
        self._matcher = matcher
        self._has_hits = matcher.has_hits
        self._decodes = matcher.decodes
        self._max_size = max_size
        self._every = every

    def whole(self, kind: int, data: bytes, /) -> bool | None:
        """Return True for an object that has to be looked into again, None for all others."""
        if not self._has_hits(data):
            # Else nothing can be in it, but for what is packed or has to be reported.
            if kind != BLOB:
                return None
            if not self._decodes or archive_kind(data) is None:
                return self._is_too_large(len(data)) or None
        return self._holds_something(kind, len(data), iter((data,)))

    def pieces(self, kind: int, pieces: Iterator[bytes], /) -> bool | None:
        """Return the same for an object in pieces."""
        return self._holds_something(kind, PIECE + 1, pieces)

    def _holds_something(self, kind: int, size: int, pieces: Iterator[bytes]) -> bool | None:
        seen = _Counted(pieces)
        entry = BatchObject("", _NAMES[kind], size, iter(seen))
        examined = examine(documents(entry), self._matcher, every=self._every)
        if examined.hits or examined.unscanned:
            return True
        return (kind == BLOB and self._is_too_large(seen.size)) or None

    def _is_too_large(self, size: int) -> bool:
        return self._max_size is not None and size > self._max_size


class _Counted:
    """Pieces that are counted while they are taken."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece
