"""Incidents: the list, and one of them from the commit to the mail, live."""

from collections.abc import Iterable
from typing import Any, cast, get_args

from sqlalchemy import Connection, select, tuple_
from starlette.responses import Response

from keyfuse_store import incidents, keys, leaks, usage_history
from keyfuse_store.audit import AuditEntry, entries
from keyfuse_store.leak_schema import leaks as table
from keyfuse_store.leaks import Leak, LeakState
from keyfuse_store.times import HOUR
from keyfuse_webhook.console.timeline import timeline
from keyfuse_webhook.console.visit import NotThere, Visit
from keyfuse_webhook.jobs_model import JobStatus
from keyfuse_webhook.notification import target_job
from keyfuse_webhook.notifiers import NOTIFIERS
from keyfuse_webhook.revocation import NOTIFY, notice_job

_PAGE = 50
_ENTRIES = 200
_NOTICES = 200
_CALLS = 24 * 90
_EVENTS = 20
_STATES = get_args(LeakState)


def leak_list(visit: Visit) -> Response:
    """The latest incidents, a page of them."""
    wanted = visit.query.get("state", "")
    state = cast(LeakState, wanted) if wanted in _STATES else None
    with visit.store.read() as connection:
        found = _latest(connection, state, visit.query.get("after"))
        rows = [(leak, keys.get(connection, leak.key_id)) for leak in found[:_PAGE]]
    return visit.page(
        "leaks.html",
        rows=rows,
        state=state or "",
        states=_STATES,
        next_page=rows[-1][0].id if len(found) > _PAGE else None,
    )


def leak_page(visit: Visit) -> Response:
    """One incident."""
    return visit.page("leak.html", **_facts(visit))


def leak_timeline(visit: Visit) -> Response:
    """The part that updates itself."""
    return visit.page("leak_timeline.html", **_facts(visit))


def _latest(connection: Connection, state: LeakState | None, after: str | None) -> list[Leak]:
    """The latest incidents, one more than fits on a page."""
    order = (table.c.first_seen_at, table.c.id)
    rows = select(table.c.id).order_by(*(column.desc() for column in order)).limit(_PAGE + 1)
    if state is not None:
        rows = rows.where(table.c.state == state)
    last = leaks.get(connection, after) if after else None
    if last is not None:
        rows = rows.where(tuple_(*order) < tuple_(last.first_seen_us, last.id))
    found = (leaks.get(connection, leak_id) for leak_id in connection.scalars(rows).all())
    return [leak for leak in found if leak is not None]


def _facts(visit: Visit) -> dict[str, Any]:
    with visit.store.read() as connection:
        leak = leaks.get(connection, visit.path["leak_id"])
        if leak is None:
            raise NotThere("There is no such incident.")
        incident = incidents.read(connection, leak, visit.at)
        used = usage_history.of_key(connection, leak.key_id, since=_begin(incident), limit=_CALLS)
        life = entries(connection, subject=leak.key_id, limit=_ENTRIES)
        notices = _notices(connection, leak)
    end = incident.key.revoked_us
    return {
        "incident": incident,
        "exposed": max(0, (end or visit.at) - _begin(incident)),
        "refused_after": _refused_after(used.hours, end),
        "moments": timeline(incident, life, notices, _telling(visit, leak)),
        "events": used.events[:_EVENTS],
    }


def _telling(visit: Visit, leak: Leak) -> dict[str, JobStatus]:
    """The jobs that have yet to tell somebody, by whom; before these are known, the one of all."""
    whose = (leak.receipt_id, leak.owner_id)
    jobs = {NOTIFY: notice_job(*whose)}
    jobs |= {target: target_job(target, *whose) for target in NOTIFIERS}
    found = ((target, visit.queue.find(job.id)) for target, job in jobs.items())
    return {target: job for target, job in found if job and job.state in {"waiting", "running"}}


def _begin(incident: incidents.Incident) -> int:
    """Since when others could use the key: as far as is known, or as is claimed."""
    return incident.claimed_us or incident.leak.first_seen_us


def _refused_after(hours: Iterable[usage_history.Hour], end: int | None) -> int:
    """How often the dead key was tried, its hour of death included."""
    if end is None:
        return 0
    return sum(hour.refused for hour in hours if hour.start + HOUR > end)


def _notices(connection: Connection, leak: Leak) -> list[AuditEntry]:
    """What the audit record says about telling the owner of this very key."""
    found = entries(connection, subject=leak.owner_id, newest_first=True, limit=_NOTICES)
    return [
        entry
        for entry in found
        if entry.action in {"owner.notified", "owner.undeliverable"}
        and leak.key_id in cast(list[str], entry.detail.get("keys", []))
    ]
