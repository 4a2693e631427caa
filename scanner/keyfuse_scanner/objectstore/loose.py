"""Loose objects: one zlib file each, `type SP size NUL content` (gitformat-loose(5))."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from keyfuse_scanner.objectstore import inflating
from keyfuse_scanner.objectstore.files import map_file
from keyfuse_scanner.objectstore.inflating import inflate_pieces
from keyfuse_scanner.objectstore.model import (
    KINDS,
    Damaged,
    Limits,
    NotRegular,
    NotUnderstood,
    Outcome,
    Scanner,
    T,
)

_HEAD = re.compile(rb"(commit|tree|blob|tag) (0|[1-9]\d{0,18})\0").match
_HEAD_LENGTH = 32


def read_loose(
    files: Sequence[tuple[bytes, Path]], numbers: Iterable[int], scanner: Scanner[T], limits: Limits
) -> Outcome[T]:
    """Look into some of the loose objects in a list, by number."""
    outcome: Outcome[T] = Outcome([], [], [], 0, 0)
    for number in numbers:
        try:
            outcome = _read_one(number, files[number][1], scanner, limits, outcome)
        except NotRegular as reason:
            outcome.refused.append((number, str(reason)))
        except (Damaged, NotUnderstood, inflating.inflater.error):
            outcome.failed.append(number)
    return outcome


def _read_one(
    number: int, path: Path, scanner: Scanner[T], limits: Limits, outcome: Outcome[T]
) -> Outcome[T]:
    view = memoryview(map_file(path))
    match = _HEAD(inflating.inflater.decompressobj().decompress(view, _HEAD_LENGTH))
    if match is None:
        raise Damaged("unknown header")
    kind, size = KINDS[match[1].decode("ascii")], int(match[2])
    if size > limits.largest:
        outcome.refused.append((number, "too large"))
        return outcome
    pieces = inflate_pieces(view, match.end() + size, max(1, limits.whole // 4))
    content = _without(pieces, match.end())
    result = (
        scanner.whole(kind, b"".join(content))
        if size <= limits.whole
        else scanner.pieces(kind, content)
    )
    if result is not None:
        outcome.found.append((number, result))
    return outcome._replace(objects=outcome.objects + 1, size=outcome.size + size)


def _without(pieces: Iterator[bytes], head: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[head:]
        head = max(0, head - len(piece))
