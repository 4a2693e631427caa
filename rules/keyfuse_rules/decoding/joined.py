"""A text that is written as two: literals that are concatenated, or lines that are continued."""

import re
from collections.abc import Iterator

from keyfuse_rules.decoding.literals import LITERALS
from keyfuse_rules.decoding.runs import Run
from keyfuse_rules.decoding.substitution import substituted

_CONTINUED = rb"[\\=]\r?\n[ \t]*"
# Comments and quoted mail repeat their mark at the beginning of each line.
_WRAPPED = rb"\r?\n[ \t]*(?:[#>*+|]|//)?[ \t]*"
# A shell takes quoted and bare text side by side for one word.
_HALF_QUOTED = rb"(?<=[0-9A-Za-z_])[\"'](?=[0-9A-Za-z_])"

_JOINS = re.compile(LITERALS + b"|" + _CONTINUED)
_ALL_JOINS = re.compile(b"|".join((LITERALS, _CONTINUED, _WRAPPED, _HALF_QUOTED)))


# A secret is one or two lines long, and its pieces are not far from each other.
_BEHIND = 1_024


def joined(data: bytes, anchor: int, _phase: int) -> Iterator[Run]:
    """Join literals and continued lines; in a second reading any lines, and half-quoted words."""
    run = substituted("joined", data, anchor, _JOINS, _nothing, behind=_BEHIND)
    if len(run.data) < run.end - run.start:  # else it is what was looked at already
        yield run
    run = substituted("joined", data, anchor, _ALL_JOINS, _nothing, behind=_BEHIND)
    yield run._replace(doubtful=True)


def _nothing(_found: re.Match[bytes]) -> bytes:
    return b""
