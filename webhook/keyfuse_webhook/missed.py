"""Which webhook deliveries were missed and are to be asked for again. No I/O.

GitHub never sends again by itself, and keeps deliveries for three days (Enterprise Server: seven).
All attempts at a delivery share its `guid`.

https://docs.github.com/en/rest/apps/webhooks
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

WINDOW = timedelta(days=3)
# What fails so often is refused for a reason that more attempts do not change.
MOST_ATTEMPTS = 8
_FIRST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a delivery.

    Attributes:
        id: By which it is asked for again.
        guid: Of the delivery.
        taken: It was answered with a success.
    """

    id: int
    guid: str
    at: datetime
    event: str
    taken: bool


def read_attempt(entry: Mapping[str, Any]) -> Attempt | None:
    """Read an entry of GitHub's list; None where it is not understood."""
    number, guid, event = entry.get("id"), entry.get("guid"), entry.get("event")
    status = entry.get("status_code")
    try:
        at = datetime.fromisoformat(str(entry.get("delivered_at")))
    except ValueError:
        return None
    if type(number) is not int or not isinstance(guid, str) or not isinstance(event, str):
        return None
    taken = type(status) is int and 200 <= status < 300  # noqa: PLR2004 - HTTP's successes
    return Attempt(number, guid, at if at.tzinfo else at.replace(tzinfo=UTC), event, taken)


def missed(attempts: Iterable[Attempt], events: Iterable[str], now: datetime) -> list[int]:
    """The ids to ask for again now, oldest first.

    A delivery that failed again and again waits longer each time, and is given up after
    `MOST_ATTEMPTS`: an attempt that is under way looks like one that was never made.

    Args:
        attempts: What GitHub lists, in any order.
        events: Those that mean something to us.
        now: The time.
    """
    wanted = frozenset(events)
    deliveries: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.event in wanted and now - attempt.at < WINDOW:
            deliveries[attempt.guid].append(attempt)
    due = [max(tried, key=_age) for tried in deliveries.values() if _is_due(tried, now)]
    return [attempt.id for attempt in sorted(due, key=_age)]


def _is_due(tried: list[Attempt], now: datetime) -> bool:
    if any(attempt.taken for attempt in tried) or len(tried) >= MOST_ATTEMPTS:
        return False
    pause: timedelta = _FIRST_PAUSE * 2.0 ** (len(tried) - 1)
    return now - max(attempt.at for attempt in tried) >= pause


def _age(attempt: Attempt) -> tuple[datetime, int]:
    return attempt.at, attempt.id
