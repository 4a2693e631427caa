"""A text that is written as two: literals that are concatenated, or lines that are continued."""

import re
from collections.abc import Iterator

from keyfuse_rules.decoding.literals import LITERALS
from keyfuse_rules.decoding.runs import Run
from keyfuse_rules.decoding.substitution import substituted

_CONTINUED = rb"[\\=]\r?\n[ \t]*"
# Comments and quoted mail repeat their mark at the beginning of each line.
_WRAPPED = rb"\r?\n[ \t]*(?:[#>*+|]|//)?[ \t]*"

_JOINS = re.compile(LITERALS + b"|" + _CONTINUED)
_ALL_JOINS = re.compile(LITERALS + b"|" + _CONTINUED + b"|" + _WRAPPED)


# A secret is one or two lines long, and its pieces are not far from each other.
_BEHIND = 1_024


def joined(data: bytes, anchor: int, _phase: int) -> Iterator[Run]:
    """Join literals and continued lines; in a second reading any two lines."""
    yield substituted("joined", data, anchor, _JOINS, _nothing, behind=_BEHIND)
    run = substituted("joined", data, anchor, _ALL_JOINS, _nothing, behind=_BEHIND)
    yield run._replace(doubtful=True)


def _nothing(_found: re.Match[bytes]) -> bytes:
    return b""
