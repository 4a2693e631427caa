"""Statistics in memory: how often each key was used in each hour and when last; all verdicts."""

from collections import Counter
from collections.abc import Iterable, Sequence

from keyfuse_store.sinks import Call
from keyfuse_store.times import HOUR

Hours = dict[tuple[int, str], list[int]]
"""By hour (epoch microseconds) and key id: how many calls were valid and how many refused, the
cost of the valid ones, and the moment of the last of them (0: none)."""

Codes = Counter[tuple[int, str]]
"""By hour and code of the verdict: how many calls, with or without a proven key."""


def count_used(hours: Hours, codes: Codes, at: int, key_ids: Sequence[str]) -> None:
    """Count one valid call, of cost 1 and at about the same time, for each key id."""
    hour = at - at % HOUR
    codes[hour, "valid"] += len(key_ids)
    for key_id, number in Counter(key_ids).items():
        counts = hours.setdefault((hour, key_id), [0, 0, 0, 0])
        counts[0] += number
        counts[2] += number
        counts[3] = max(counts[3], at)


def count_calls(hours: Hours, codes: Codes, calls: Iterable[Call]) -> None:
    """Count every call by its verdict, and for its key where that was proven."""
    for call in calls:
        at = call.at
        codes[at - at % HOUR, call.code] += 1
        if call.key_id is None:
            continue
        counts = hours.setdefault((at - at % HOUR, call.key_id), [0, 0, 0, 0])
        if call.code == "valid":
            counts[0] += 1
            counts[2] += call.cost
            counts[3] = max(counts[3], at)
        else:
            counts[1] += 1
