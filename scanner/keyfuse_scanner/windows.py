"""Cut a long document into overlapping windows, so that memory stays bounded.

Each window owns the matches that begin in its middle part. The margins are longer than any match
with its context, so a match at a seam is found once, and as it would be found in one piece.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

MARGIN = 8_192
PIECE = 4 * 1024 * 1024
# What the second to fourth byte of a UTF-8 character begin with.
_TOP_BITS, _CONTINUATION = 0b1100_0000, 0b1000_0000


class Window(NamedTuple):
    """A part of a document.

    Attributes:
        data: Its bytes.
        begin: First offset in `data` at which an owned match may begin.
        end: First offset in `data` at which no owned match may begin any more.
        line: 1-based number of the line on which `data` begins.
        column: How many code points of that line come before `data`.
    """

    data: bytes
    begin: int
    end: int
    line: int
    column: int

    def positions(self, offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Yield the 1-based line and column, in code points, of ascending offsets in `data`.

        Each byte is looked at once however many offsets there are.
        """
        line, column, done = self.line, self.column, 0
        for offset in offsets:
            line_start = self.data.rfind(b"\n", done, offset) + 1
            if line_start:
                line += self.data.count(b"\n", done, offset)
                column, done = 0, line_start
            column += _code_points(self.data[done:offset])
            done = offset
            yield line, column + 1


def windows(pieces: Iterable[bytes], margin: int = MARGIN) -> Iterator[Window]:
    """Yield the windows of a document; a document of one piece is one window."""
    iterator = iter(pieces)
    window = Window(next(iterator, b""), 0, 0, 1, 0)
    for piece in iterator:
        end = max(window.begin, len(window.data) - margin)
        yield window._replace(end=end)
        window = _next(window, end, max(0, end - margin), piece)
    yield window._replace(end=len(window.data))


def _next(window: Window, owned: int, cut: int, piece: bytes) -> Window:
    """Return the window that begins at `cut` of this one and owns what comes after `owned`."""
    data = window.data
    cut = _character_start(data, cut)
    ((line, column),) = window.positions([cut])
    return Window(data[cut:] + piece, owned - cut, 0, line, column - 1)


def _character_start(data: bytes, offset: int) -> int:
    """Return the offset, at most three bytes to the left, where a UTF-8 character begins."""
    for start in range(offset, max(-1, offset - 4), -1):
        if start < len(data) and data[start] & _TOP_BITS != _CONTINUATION:
            return start
    return offset


def _code_points(raw: bytes) -> int:
    # A byte that is not UTF-8 counts as one character, as editors show it.
    return len(raw) if raw.isascii() else len(raw.decode("utf-8", "surrogateescape"))
