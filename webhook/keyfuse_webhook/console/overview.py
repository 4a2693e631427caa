"""The first page: how many keys, how they are used, what leaked and how fast it ended."""

from typing import Any

from sqlalchemy import Connection, select
from starlette.responses import Response

from keyfuse_store import keys, statistics
from keyfuse_store.leak_schema import leaks as leaks_table
from keyfuse_store.times import DAY, HOUR
from keyfuse_webhook.console import charts
from keyfuse_webhook.console.visit import Visit

_STATES = ("active", "suspended", "quarantined", "expired", "revoked")
_LATEST = 8
_HOURS = 7 * 24
_DAYS = 90


def overview(visit: Visit) -> Response:
    """The whole page."""
    with visit.store.read() as connection:
        drawn = _charts(connection, visit.at)
        return visit.page("overview.html", charts=drawn, **_numbers(connection, visit))


def overview_numbers(visit: Visit) -> Response:
    """The part that updates itself every few seconds."""
    with visit.store.read() as connection:
        return visit.page("overview_numbers.html", **_numbers(connection, visit))


def overview_charts(visit: Visit) -> Response:
    """The part that updates itself every minute."""
    with visit.store.read() as connection:
        return visit.page("overview_charts.html", charts=_charts(connection, visit.at))


def _numbers(connection: Connection, visit: Visit) -> dict[str, Any]:
    now = visit.at
    by_state = statistics.keys_by_state(connection, now)
    refusals = statistics.refusals(connection, now - now % HOUR - 23 * HOUR)
    return {
        "states": [(state, by_state.get(state, 0)) for state in _STATES],
        "refusals": list(refusals.items()),
        "refused_most": max(refusals.values(), default=1),
        "response": statistics.response(connection, now - _DAYS * DAY),
        "incidents": statistics.leaks_by_state(connection),
        "latest": _latest(connection) if visit.may("leaks.read") else [],
    }


def _latest(connection: Connection) -> list[dict[str, object]]:
    rows = connection.execute(
        select(leaks_table).order_by(leaks_table.c.first_seen_at.desc()).limit(_LATEST)
    )
    return [
        {"leak": row, "key": key}
        for row in rows.all()
        for key in (keys.get(connection, row.key_id),)
    ]


def _charts(connection: Connection, now: int) -> list[charts.Chart]:
    since = now - now % HOUR - (_HOURS - 1) * HOUR
    hours = statistics.calls_by_hour(connection, since)
    days = statistics.leaks_by_day(connection, now - now % DAY - (_DAYS - 1) * DAY)
    return [
        charts.calls(hours, now=now, last=_HOURS, name="calls"),
        charts.leaks(days, now=now, last=_DAYS),
    ]
