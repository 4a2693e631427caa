"""Look into documents that are archives."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from keyfuse_rules.judgement import may_be_shown
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Match
from keyfuse_rules.secret import Secret
from keyfuse_scanner.archives.model import LIMITS, Member, Refused
from keyfuse_scanner.archives.unpacking import members
from keyfuse_scanner.model import Document, Hit, Unscanned
from keyfuse_scanner.windows import windows

_TOO_LARGE = f"an archive of more than {LIMITS.whole >> 20} MiB is not looked into"


class Looked(NamedTuple):
    """What looking into one archive gave.

    Attributes:
        pieces: Its bytes once more, to be scanned as they are.
    """

    hits: list[Hit]
    unscanned: list[Unscanned]
    pieces: Iterator[bytes]


def look_into(
    document: Document, pieces: Iterator[bytes], matcher: Matcher, *, every: bool = False
) -> Looked:
    """Return the hits in the members of an archive, and what of it was not looked into.

    A hit in a member has no line: the archive as it is has none.
    """
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > LIMITS.whole:
            reason = Unscanned(_TOO_LARGE, document.path, document.object_id)
            return Looked([], [reason], chain(gathered, pieces))
    looked = Looked([], [], iter(gathered))
    for entry in members(b"".join(gathered)):
        if isinstance(entry, Refused):
            reason = Unscanned(f"archive: {entry.reason}", document.path, document.object_id)
            looked.unscanned.append(reason)
        elif not _examine(document, entry, matcher, looked.hits, every=every):
            reason = Unscanned(
                "archive: too many candidates to look at all of them",
                document.path,
                document.object_id,
            )
            looked.unscanned.append(reason)
    return looked


def _examine(
    document: Document, member: Member, matcher: Matcher, hits: list[Hit], *, every: bool
) -> bool:
    """Add the hits in one member; return whether all of it could be looked at."""
    complete = True
    for window in windows(member.pieces):
        matches = matcher.matches(window.data)
        complete = complete and matches.complete
        hits += (
            _hit(document, member, match, window.data)
            for match in matches.items
            if (every or may_be_shown(match))
            and (match.decoded or window.begin <= match.start < window.end)
        )
    return complete


def _hit(document: Document, member: Member, match: Match, data: bytes) -> Hit:
    return Hit(
        rule=match.rule,
        secret=match.secret or Secret(data[match.start : match.end].decode("latin-1")),
        checksum=match.checksum,
        key_id=match.key_id,
        place=document.place,
        path=document.path,
        object_id=document.object_id,
        line=None,
        column=None,
        commit=document.commit,
        reason=match.reason,
        decoded=(*member.steps, *match.decoded),
    )
