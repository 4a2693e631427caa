"""The contract between matching and what searches: one pass over an object, hits out.

`keyfuse_rules.plainsearch` needs no native code; `keyfuse_scanner.engine` has a fast one. Both are
held to the same answers by a property test.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

PLAIN = "plain"
KEYWORD = "keyword"
WHOLE = "whole"
UNLED = "unled"
UNENCODED = frozenset((PLAIN, KEYWORD, WHOLE, UNLED))

HIT_LIMIT = 100_000

Hit = tuple[int, int]
"""Number of a signal, and where in the object the trigger that gave it ends."""


class Signal(NamedTuple):
    """What the hits of one or more triggers mean.

    Attributes:
        form: `plain`: a literal stands there; `keyword`: one stands somewhere; `whole`: a rule may
            match somewhere, and where does not matter; `unled` gives no hits: its rules are to be
            asked about every object. Everything else is a step in
            `keyfuse_rules.decoding.decoders`: something is encoded there.
        rules: For what is not encoded, the numbers of the rules to ask.
        length: For `plain`, how many bytes the literal has.
        phase: For `base64`, how many digits of the group that the hit ends in are behind it: 0
            where it ends with the group.
    """

    form: str
    rules: tuple[int, ...] = ()
    length: int = 0
    phase: int = 0


class Search(Protocol):
    """Searches objects for a fixed set of triggers."""

    @property
    def signals(self) -> Sequence[Signal]:
        """What the numbers in hits mean."""

    def hits(self, data: bytes) -> list[Hit]:
        """Return the hits in one object, in any order, one perhaps more than once.

        At most `HIT_LIMIT`; that many mean that there may be more.
        """
