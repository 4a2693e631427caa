"""Tell which objects hold something, at the smallest price for those that do not."""

from collections.abc import Iterator

from keyfuse_rules.judgement import may_be_shown
from keyfuse_rules.matching import Matcher
from keyfuse_rules.search import Hit
from keyfuse_scanner.archives.kinds import archive_kind
from keyfuse_scanner.examine import examine
from keyfuse_scanner.gitbatch import BatchObject
from keyfuse_scanner.objects import documents
from keyfuse_scanner.objectstore import BLOB, KINDS, TREE
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
        self._hits = matcher.hits
        self._asks_always = matcher.asks_always
        self._decodes = matcher.decodes
        self._max_size = max_size
        self._every = every

    def whole(self, kind: int, data: bytes, /) -> bool | None:
        """Return True for an object that has to be looked into again, None for all others."""
        hits = self._hits(data)
        if kind == BLOB:
            if self._max_size is not None and len(data) > self._max_size:
                return True
            if not self._decodes or archive_kind(data) is None:
                return ((hits or self._asks_always) and self._tells(data, hits)) or None
        elif not hits and not self._asks_always:
            return None
        elif kind == TREE:
            # Taking a tree apart costs more than all else: only where it is certain to be needed.
            matches = self._matcher.judged(data, hits)
            if matches.complete and not matches.items:
                return None
        return self._holds_something(kind, len(data), iter((data,)))

    def pieces(self, kind: int, pieces: Iterator[bytes], /) -> bool | None:
        """Return the same for an object in pieces."""
        counted = _Counted(pieces)
        if self._holds_something(kind, PIECE + 1, iter(counted)):
            return True
        too_large = self._max_size is not None and counted.size > self._max_size
        return (kind == BLOB and too_large) or None

    def _tells(self, data: bytes, hits: list[Hit]) -> bool:
        matches = self._matcher.judged(data, hits)
        return not matches.complete or any(
            self._every or may_be_shown(match) for match in matches.items
        )

    def _holds_something(self, kind: int, size: int, pieces: Iterator[bytes]) -> bool | None:
        entry = BatchObject("", _NAMES[kind], size, pieces)
        examined = examine(documents(entry), self._matcher, every=self._every)
        return bool(examined.hits or examined.unscanned) or None


class _Counted:
    """Pieces that are counted while they are taken."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece
