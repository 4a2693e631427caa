"""Comments beside a secret that allow it: ours, and on request those of other scanners. Pure.

A comment counts for the lines that the secret stands on. One that has a line for itself counts for
the line below, for files in which a secret takes several lines.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

OURS = "keyfuse"
# A line longer than this is no line that somebody wrote a comment on; nor are there more of them.
_REACH = 8_192
_MOST = 100
_COMMENT = (
    rb"keyfuse:allow(?![\w-])[ \t:=\[(]*(?P<words>[\w,-]*)"
    rb"|(?P<tool>gitleaks|betterleaks):allow"
    rb"|(?P<detect>pragma: ?(?:allow|white)list (?P<next>nextline )?secret)"
    rb"|(?P<truffle>trufflehog:ignore)"
)
_NEEDLES = (b"keyfuse:allow", b"leaks:allow", b"pragma:", b"trufflehog:ignore")
# What opens a comment in the languages we know. Nothing is given back, or long lines would take
# for ever.
_SIGNS = rb"[\s#/*;%!<>\"'({\[-]*+"
_OPENING = _SIGNS + rb"(?:(?i:rem)\s" + _SIGNS + rb")?"
_CLOSING = rb"(?:-->|\*/)[ \t]*[^\s]"


class Comment(NamedTuple):
    """A comment that allows what stands beside it.

    Attributes:
        tool: Whose comment it is.
        words: What follows: ids of rules with commas between, or the beginning of a reason.
    """

    tool: str
    words: tuple[str, ...] = ()


class _Placed(NamedTuple):
    """A comment, where it begins, and whether it counts for its own line and the one below."""

    offset: int
    comment: Comment
    here: bool
    below: bool


class Comments:
    """The comments in some bytes, found once however many secrets stand there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._placed: Sequence[_Placed] = ()
        if any(needle in data for needle in _NEEDLES):
            self._placed = [_placed(data, found) for found in re.finditer(_COMMENT, data)]

    def beside(self, start: int, end: int) -> tuple[Comment, ...]:
        """Return the comments that count for the bytes from `start` to `end`."""
        if not self._placed:
            return ()
        first, last = self._lines(start, end)
        above = self._data.rfind(b"\n", max(0, first - 1 - _REACH), max(0, first - 1)) + 1
        begin = bisect_left(self._placed, above, key=_offset)
        near = takewhile(lambda placed: placed.offset < last, self._placed[begin : begin + _MOST])
        return tuple(
            placed.comment
            for placed in near
            if (placed.here if placed.offset >= first else placed.below)
        )

    def _lines(self, start: int, end: int) -> tuple[int, int]:
        first = self._data.rfind(b"\n", max(0, start - _REACH), start) + 1
        last = self._data.find(b"\n", end, end + _REACH)
        return max(first, start - _REACH), last if last >= 0 else end + _REACH


def allows(
    comments: Iterable[Comment],
    rule_id: str,
    *,
    honoured: Collection[str],
    known: Callable[[], Collection[str]],
) -> bool:
    """Return whether one of the comments allows a secret that a rule found.

    Args:
        comments: Those beside the secret.
        rule_id: The rule.
        honoured: Whose comments count beside ours.
        known: Returns the ids of all rules: a first word that is none of them begins the reason.
    """
    return any(
        comment.tool in honoured
        if comment.tool != OURS
        else rule_id in comment.words or not any(word in known() for word in comment.words)
        for comment in comments
    )


def _placed(data: bytes, found: "re.Match[bytes]") -> _Placed:
    if found["tool"]:
        return _Placed(found.start(), Comment(found["tool"].decode()), here=True, below=False)
    if found["detect"]:
        here = found["next"] is None
        return _Placed(found.start(), Comment("detect-secrets"), here, not here)
    if found["truffle"]:
        return _Placed(found.start(), Comment("trufflehog"), here=True, below=False)
    words = found["words"].decode("utf-8", "replace").split(",")
    comment = Comment(OURS, tuple(word for word in words if word))
    return _Placed(found.start(), comment, here=True, below=_is_alone(data, found))


def _is_alone(data: bytes, found: "re.Match[bytes]") -> bool:
    """Return whether nothing but the comment stands on its line."""
    reach = max(0, found.start() - _REACH)
    first = data.rfind(b"\n", reach, found.start()) + 1
    last = data.find(b"\n", found.end(), found.end() + _REACH)
    if first < reach:
        return False  # of many comments behind much white space each would read all of that
    # What stands before it is asked first: of many comments on a line that leaves one.
    if re.compile(_OPENING).fullmatch(data, first, found.start()) is None:
        return False
    end = last if last >= 0 else len(data)
    return re.compile(_CLOSING).search(data, found.start(), end) is None


def _offset(placed: _Placed) -> int:
    return placed.offset
