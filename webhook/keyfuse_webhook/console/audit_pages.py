"""The audit record, and the check of its chain as a job: a million entries take a while."""

import asyncio
from urllib.parse import urlencode

from starlette.responses import Response

from keyfuse_rules.redact import scrub
from keyfuse_store import KeyStore, audit
from keyfuse_webhook.console.visit import Visit, go_to
from keyfuse_webhook.jobs_model import Handler, Job, JobStatus, Outcome, nothing_to_conclude

CHECK = "check-audit"
_PAGE = 100
_FILTERS = ("subject", "action", "actor")


def audit_list(visit: Visit) -> Response:
    """The latest entries, filtered, a page of them."""
    given = {name: scrub(visit.query.get(name, ""))[:120] for name in _FILTERS}
    before = visit.query.get("before", "")
    number = int(before) if before.isdecimal() and len(before) < 19 else None  # noqa: PLR2004 - BIGINT
    with visit.store.read() as connection:
        found = audit.entries(
            connection,
            subject=given["subject"] or None,
            action=given["action"] or None,
            actor=given["actor"] or None,
            after=number,
            newest_first=True,
            limit=_PAGE + 1,
        )
        head = audit.head(connection)
    more = found[_PAGE - 1].seq if len(found) > _PAGE else None
    return visit.page(
        "audit.html",
        entries=found[:_PAGE],
        given=given,
        head=head,
        next_page=more and f"/console/audit?{urlencode({**given, 'before': more})}",
        check=_latest_check(visit),
    )


def audit_check(visit: Visit) -> Response:
    """The part that tells how the latest check went, or goes."""
    return visit.page("audit_check.html", check=_latest_check(visit))


def start_check(visit: Visit) -> Response:
    """Have the chain checked; one check at a time is enough."""
    running = _latest_check(visit)
    if running is None or running.state not in {"waiting", "running"}:
        with visit.store.begin() as connection:
            job = Job(f"{CHECK}-{visit.at}", CHECK, (), line=CHECK)
            visit.queue.enqueue(connection, job)
    return go_to("/console/audit")


def check_handler(store: KeyStore) -> Handler:
    """The job: recompute the whole chain."""

    def check() -> Outcome:
        with store.read() as connection:
            report = audit.verify_chain(connection, store.peppers)
        if report.problem is None:
            return Outcome("done", f"{report.checked:,} entries, every one intact")
        return Outcome("failed", f"after {report.checked:,} entries: {report.problem}")

    async def attempt(_job: Job) -> Outcome:
        return await asyncio.to_thread(check)

    return Handler(attempt, nothing_to_conclude)


def _latest_check(visit: Visit) -> JobStatus | None:
    return next(iter(visit.queue.list(1, kind=CHECK)), None)
