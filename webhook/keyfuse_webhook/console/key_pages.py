"""The list of keys, and one key: what it may do, how it is used, what was done to it."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Connection, select
from starlette.responses import Response

from keyfuse_rules.prefixes import is_management_prefix
from keyfuse_store import keys, leaks, limits, listing, owners, usage_history
from keyfuse_store.audit import AuditEntry, entries
from keyfuse_store.errors import InvalidField, OwnerNotFound
from keyfuse_store.model import Key
from keyfuse_store.periods import period_of
from keyfuse_store.schema import quotas
from keyfuse_store.times import HOUR
from keyfuse_store.verify import standing
from keyfuse_webhook.console import charts
from keyfuse_webhook.console.visit import Visit

PAGE = 50
_HISTORY = 50
_HOURS = 7 * 24
_EVENTS = 20


class Gauge(NamedTuple):
    """How much of a quota is used in its present period; calls reserved by processes count."""

    used: int
    calls: int
    unit: str
    ends_us: int


def key_list(visit: Visit) -> Response:
    """Search, filter, sort, page; also the part of it that follows what is typed."""
    query = {name: visit.query.get(name, "") for name in ("q", "state", "owner", "sort")}
    problem, found = "", list[Key]()
    with visit.store.read() as connection:
        try:
            found = _found(connection, visit, query)
        except InvalidField as error:
            # It may be a key that was pasted: what cannot be searched for is not shown again.
            problem, query["q"] = error.problem, ""
        except OwnerNotFound:
            problem = "There is no such owner."
    more = found.pop().id and found[-1].id if len(found) > PAGE else None
    rows = [(key, standing_of(key, visit.at)) for key in found]
    template = "key_rows.html" if visit.query.get("part") else "keys.html"
    return visit.page(
        template,
        rows=rows,
        query=query,
        problem=problem,
        next_page=more and f"/console/keys?{urlencode({**query, 'after': more})}",
        sorts=listing.SORTS,
        states=listing.STANDINGS,
    )


def key_page(visit: Visit) -> Response:
    """One key."""
    with visit.store.read() as connection:
        key = keys.get(connection, visit.path["key_id"])
        used = usage_history.of_key(
            connection, key.id, since=visit.at - visit.at % HOUR - (_HOURS - 1) * HOUR, limit=_HOURS
        )
        return visit.page(
            "key.html",
            key=key,
            now=standing_of(key, visit.at),
            management=is_management_prefix(key.prefix),
            gauge=gauge_of(connection, key, visit.at),
            rates=limits.parse_rates(key.rate_limit) if key.rate_limit else (),
            chart=charts.calls(used.hours, now=visit.at, last=_HOURS, name="use"),
            events=used.events[:_EVENTS],
            history=_history(connection, visit, key.id),
            leak=leaks.for_key(connection, key.id),
        )


def standing_of(key: Key, now: int) -> str:
    """What a key is at this moment, in one word: its state, `expired`, or `not yet valid`."""
    return {"expired": "expired", "not_yet_valid": "not yet valid"}.get(
        standing(key, now) or "", key.state
    )


def gauge_of(connection: Connection, key: Key, now: int) -> Gauge | None:
    """The quota of a key; None where it has none."""
    if key.quota is None:
        return None
    quota = limits.parse_quota(key.quota)
    period = period_of(quota.unit, now)
    row = connection.execute(select(quotas).where(quotas.c.key_id == key.id)).one_or_none()
    present = row is not None and row.unit == period.unit and row.start >= period.start
    used = row.used if row is not None and present else 0
    return Gauge(used, quota.calls, quota.unit, period.end)


def _found(connection: Connection, visit: Visit, query: dict[str, str]) -> list[Key]:
    sort, state, owner = query["sort"], query["state"], query["owner"]
    wanted = listing.Wanted(
        search=query["q"],
        standing=state if state in listing.STANDINGS else None,
        owner_id=owners.get(connection, owner).id if owner else None,
        sort=sort if sort in listing.SORTS else "newest",
    )
    after = visit.query.get("after") or None
    return listing.find(connection, wanted, now=visit.at, after=after, limit=PAGE + 1)


def _history(connection: Connection, visit: Visit, key_id: str) -> Sequence[AuditEntry]:
    if not visit.may("audit.read"):
        return ()
    return entries(connection, subject=key_id, newest_first=True, limit=_HISTORY)
