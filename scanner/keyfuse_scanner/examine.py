"""Look into documents: bytes to hits, with line and column. Pure but for reading the pieces."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from keyfuse_rules.judgement import may_be_shown
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Match
from keyfuse_rules.secret import Secret
from keyfuse_scanner.archives.kinds import archive_kind
from keyfuse_scanner.model import PLACES_WITHOUT_LINES, Document, Hit, Unscanned
from keyfuse_scanner.windows import Window, windows


class Examined(NamedTuple):
    """What looking into some documents gave.

    Attributes:
        objects: How many files and objects.
        size: How many bytes all had.
    """

    hits: list[Hit]
    unscanned: list[Unscanned]
    objects: int
    size: int


def examine(
    source: Iterable[Document | Unscanned], matcher: Matcher, *, every: bool = False
) -> Examined:
    """Return the hits in all documents of a source, and what could not be looked into.

    Args:
        source: What to look into.
        matcher: The rules.
        every: Keep what is judged to be no secret, too; else it costs neither memory nor a look
            into history.
    """
    hits: list[Hit] = []
    unscanned: list[Unscanned] = []
    objects = size = 0
    for entry in source:
        if isinstance(entry, Unscanned):
            unscanned.append(entry)
            continue
        objects += _counts(entry)
        complete = True
        pieces = _reported(entry.pieces, unscanned)
        if matcher.decodes and entry.place not in PLACES_WITHOUT_LINES:
            first = next(pieces, b"")
            pieces = chain((first,), pieces)
            if archive_kind(first) is not None:
                from keyfuse_scanner.archived import look_into

                looked = look_into(entry, pieces, matcher, every=every)
                hits += looked.hits
                unscanned += looked.unscanned
                pieces = looked.pieces
        for window in windows(pieces):
            matches = matcher.matches(window.data)
            hits += _hits(
                entry,
                window,
                [match for match in matches.items if every or may_be_shown(match)],
            )
            complete = complete and matches.complete
            size += window.end - window.begin
        if not complete:
            unscanned.append(
                Unscanned("too many candidates to look at all of them", entry.path, entry.object_id)
            )
    return Examined(hits, unscanned, objects, size)


def _counts(document: Document) -> bool:
    """Return False for what is only a part of an object, and for names outside of objects."""
    is_tree = document.place == "file-name" and document.object_id is not None
    return is_tree or document.place not in PLACES_WITHOUT_LINES


def _reported(pieces: Iterable[bytes | Unscanned], unscanned: list[Unscanned]) -> Iterator[bytes]:
    """Yield the pieces that could be read; where reading broke off, note it."""
    for piece in pieces:
        if isinstance(piece, Unscanned):
            unscanned.append(piece)
        else:
            yield piece


def _hits(document: Document, window: Window, matches: list[Match]) -> Iterator[Hit]:
    # A run of encoded text may reach over a seam; found on both sides, it is one finding still.
    owned = [
        match for match in matches if match.decoded or window.begin <= match.start < window.end
    ]
    if not owned:
        return
    from keyfuse_scanner.allow import Comments

    comments = Comments(window.data)
    has_lines = document.place not in PLACES_WITHOUT_LINES
    for match, (line, column) in zip(
        owned, window.positions(match.start for match in owned), strict=True
    ):
        yield Hit(
            rule=match.rule,
            secret=match.secret or Secret(window.data[match.start : match.end].decode("latin-1")),
            checksum=match.checksum,
            key_id=match.key_id,
            place=document.place,
            path=document.path,
            object_id=document.object_id,
            line=line if has_lines else None,
            column=_column(match, column) if has_lines else None,
            commit=document.commit,
            reason=match.reason,
            comments=comments.beside(match.start, match.end),
            decoded=match.decoded,
        )


def _column(match: Match, column: int) -> int:
    """Return a column in characters, of which each has two bytes in UTF-16."""
    return (column - 1) // 2 + 1 if match.decoded[:1] == ("utf-16",) else column
