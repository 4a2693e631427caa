"""What all ways to scan need."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from keyfuse_rules.matching import Matcher

if TYPE_CHECKING:
    from keyfuse_scanner.objectstore.model import Progress


class Scanning(NamedTuple):
    """How to scan.

    Attributes:
        matcher: The rules.
        max_size: Bytes above which a file or blob is left out; None for no limit.
        every: Keep what is judged to be no secret, too.
        jobs: Processes at most; None is one for each core.
        rules_key: Plain values that decide what the rules find; None to remember nothing.
        progress: Told how far a scan of all history is, now and then.
    """

    matcher: Matcher
    max_size: int | None = None
    every: bool = False
    jobs: int | None = None
    rules_key: tuple[Any, ...] | None = None
    progress: "Callable[[Progress], None] | None" = None
