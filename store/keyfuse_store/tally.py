"""Statistics in memory: how often each key was used in each hour and when last; all verdicts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keyfuse_store.sinks import Call
from keyfuse_store.times import HOUR


class Counts(NamedTuple):
    """What is known of one key in one hour.

    Attributes:
        valid: Calls that were valid.
        refused: Calls that were refused.
        spent: What the valid ones cost.
        last: The moment of the last valid one, in epoch microseconds; 0 if there is none.
    """

    valid: int
    refused: int
    spent: int
    last: int


Hours = dict[int, dict[str, Counts]]
"""By hour (epoch microseconds) and key id."""

Codes = Counter[tuple[int, str]]
"""By hour and code of the verdict: how many calls, with or without a proven key."""


def count_used(hours: Hours, codes: Codes, at: int, key_ids: Sequence[str]) -> None:
    """Count one valid call, of cost 1 and at about the same time, for each key id."""
    hour = at - at % HOUR
    codes[hour, "valid"] += len(key_ids)
    of_keys = hours.setdefault(hour, {})
    # Most keys of a moment were used once: they share what is counted for them.
    alike: dict[int, Counts] = {}
    for key_id, number in Counter(key_ids).items():
        used = alike.get(number) or alike.setdefault(number, Counts(number, 0, number, at))
        before = of_keys.get(key_id)
        of_keys[key_id] = used if before is None else _sum(before, used)


def count_calls(hours: Hours, codes: Codes, calls: Iterable[Call]) -> None:
    """Count every call by its verdict, and for its key where that was proven."""
    for call in calls:
        hour = call.at - call.at % HOUR
        codes[hour, call.code] += 1
        if call.key_id is None:
            continue
        valid = call.code == "valid"
        counts = Counts(1, 0, call.cost, call.at) if valid else Counts(0, 1, 0, 0)
        of_keys = hours.setdefault(hour, {})
        before = of_keys.get(call.key_id)
        of_keys[call.key_id] = counts if before is None else _sum(before, counts)


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(
        one.valid + other.valid,
        one.refused + other.refused,
        one.spent + other.spent,
        max(one.last, other.last),
    )
