"""Objects in the output of `git cat-file --batch`."""

from collections.abc import Iterator
from typing import IO, NamedTuple

from keyfuse_scanner.windows import PIECE


class TruncatedBatch(Exception):
    """The output of `git cat-file --batch` ended in the middle of an object."""


class BatchObject(NamedTuple):
    """One object of `git cat-file --batch`; its pieces are to be taken before the next one."""

    object_id: str
    kind: str
    size: int
    pieces: Iterator[bytes]


class MissingObject(NamedTuple):
    """An object that git was asked for and does not have."""

    object_id: str


def read_batch(stdout: IO[bytes]) -> Iterator[BatchObject | MissingObject]:
    """Yield the objects in the output of `git cat-file --batch`.

    Raises:
        TruncatedBatch: the output ends within an object, or is not of that form.
    """
    while header := stdout.readline():
        fields = header.split()
        if len(fields) == 2 and fields[1] in {b"missing", b"ambiguous"}:  # noqa: PLR2004
            yield MissingObject(fields[0].decode("ascii", "replace"))
            continue
        if len(fields) != 3 or not fields[2].isdigit():  # noqa: PLR2004 - id, type, size
            raise TruncatedBatch
        size = int(fields[2])
        pieces = _pieces(stdout, size)
        yield BatchObject(fields[0].decode("ascii"), fields[1].decode("ascii"), size, pieces)
        for _ in pieces:  # what the caller left
            pass
        if stdout.read(1) != b"\n":
            raise TruncatedBatch


def _pieces(stdout: IO[bytes], size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = stdout.read(min(left, PIECE))
        if not piece:
            raise TruncatedBatch
        left -= len(piece)
        yield piece
