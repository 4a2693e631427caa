"""How a store is doing as a whole: keys by state, verifications, leaks and how fast they ended."""

from statistics import median
from typing import NamedTuple

from sqlalchemy import Connection, case, func, or_, select

from keyfuse_store.leak_schema import leak_evidence, leaks
from keyfuse_store.schema import keys
from keyfuse_store.times import DAY
from keyfuse_store.usage_schema import code_hours

# Beyond so many incidents the median is that of the latest.
_INCIDENTS_MAX = 10_000


class CallHour(NamedTuple):
    """All verifications of one hour; `start` is in epoch microseconds."""

    start: int
    valid: int
    refused: int


class Response(NamedTuple):
    """How long leaked keys lived, in microseconds; None where none was revoked.

    Attributes:
        revoked: How many incidents ended with a revocation.
        from_report: Median from the first report to the revocation.
        from_leak: Median from when the key is said to have leaked (mostly the commit) to the
            revocation, of the incidents where anybody says so.
    """

    revoked: int
    from_report: int | None
    from_leak: int | None


def keys_by_state(connection: Connection, now: int) -> dict[str, int]:
    """How many keys are in each state; those past their end or overlap are `expired`."""
    ended = or_(keys.c.expires_at <= now, keys.c.overlap_until <= now)
    state = case((ended & (keys.c.state != "revoked"), "expired"), else_=keys.c.state)
    rows = connection.execute(select(state, func.count()).group_by(state))
    return {row[0]: row[1] for row in rows}


def calls_by_hour(connection: Connection, since: int) -> list[CallHour]:
    """All verifications of each hour from `since` on that saw any, oldest first."""
    valid = func.sum(case((code_hours.c.code == "valid", code_hours.c.calls), else_=0))
    rows = (
        select(code_hours.c.hour, valid, func.sum(code_hours.c.calls))
        .where(code_hours.c.hour >= since)
        .group_by(code_hours.c.hour)
        .order_by(code_hours.c.hour)
    )
    return [CallHour(row[0], int(row[1]), int(row[2] - row[1])) for row in connection.execute(rows)]


def refusals(connection: Connection, since: int) -> dict[str, int]:
    """How many verifications were refused from `since` on, by code, the most frequent first."""
    calls = func.sum(code_hours.c.calls)
    rows = (
        select(code_hours.c.code, calls)
        .where(code_hours.c.hour >= since, code_hours.c.code != "valid")
        .group_by(code_hours.c.code)
        .order_by(calls.desc(), code_hours.c.code)
    )
    return {row[0]: int(row[1]) for row in connection.execute(rows)}


def leaks_by_day(connection: Connection, since: int) -> dict[int, int]:
    """How many incidents began on each day (UTC, its first microsecond) from `since` on."""
    day = leaks.c.first_seen_at - leaks.c.first_seen_at % DAY
    rows = select(day, func.count()).where(leaks.c.first_seen_at >= since).group_by(day)
    return {row[0]: row[1] for row in connection.execute(rows)}


def leaks_by_state(connection: Connection) -> dict[str, int]:
    """How many incidents stand in each state."""
    rows = select(leaks.c.state, func.count()).group_by(leaks.c.state)
    return {row[0]: row[1] for row in connection.execute(rows)}


def response(connection: Connection, since: int) -> Response:
    """How fast keys died whose incident began at `since` or later."""
    claimed = (
        select(func.min(leak_evidence.c.claimed_at))
        .where(
            leak_evidence.c.leak_id == leaks.c.id,
            # As `incidents` believes it.
            leak_evidence.c.trust != "possession",
            leak_evidence.c.claimed_at <= leaks.c.first_seen_at,
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        select(leaks.c.first_seen_at, keys.c.revoked_at, claimed)
        .join_from(leaks, keys, leaks.c.key_id == keys.c.id)
        .where(leaks.c.first_seen_at >= since, keys.c.revoked_at.is_not(None))
        .order_by(leaks.c.first_seen_at.desc())
        .limit(_INCIDENTS_MAX)
    ).all()
    # A key that was dead before it leaked kept nobody waiting.
    reported = [max(0, revoked - seen) for seen, revoked, _ in rows]
    leaked = [max(0, revoked - said) for _, revoked, said in rows if said is not None]
    return Response(len(rows), _median(reported), _median(leaked))


def _median(values: list[int]) -> int | None:
    return int(median(values)) if values else None
