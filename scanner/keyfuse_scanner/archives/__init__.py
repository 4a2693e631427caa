"""Look into archives, also in one another, at a bounded price."""

import time
from collections.abc import Callable, Iterator

from keyfuse_scanner.archives.kinds import archive_kind
from keyfuse_scanner.archives.model import LIMITS, Limits, Member, Refused

__all__ = ["LIMITS", "Limits", "Member", "Refused", "archive_kind", "members"]


def members(
    data: bytes, limits: Limits = LIMITS, clock: Callable[[], float] = time.monotonic
) -> Iterator[Member | Refused]:
    """Yield what is in an archive that is at hand as a whole, and what was not looked into.

    Each member is to be taken before the next is asked for. Damage ends an archive silently: its
    bytes are scanned as they are, too. A limit ends it with a reason.
    """
    from keyfuse_scanner.archives.unpacking import unpacked

    yield from unpacked(data, limits, clock)
