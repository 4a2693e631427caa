"""Jobs: what waits, what runs, and the dead letters, which can be run again."""

from starlette.responses import Response

from keyfuse_webhook import job_control
from keyfuse_webhook.console.visit import Visit, go_to
from keyfuse_webhook.jobs_model import DEAD_STATES, State

_PAGE = 50
# What people look for, by the word in the address.
_VIEWS: dict[str, tuple[State, ...]] = {
    "all": (),
    "open": ("waiting", "running"),
    "dead": tuple(DEAD_STATES),
    "done": ("done",),
}


def job_list(visit: Visit) -> Response:
    """The youngest first, a page of them."""
    view = visit.query.get("view", "all")
    view = view if view in _VIEWS else "all"
    after = visit.query.get("after") or None
    found = job_control.page(visit.queue, states=_VIEWS[view], after=after, limit=_PAGE + 1)
    return visit.page(
        "jobs.html",
        jobs=found[:_PAGE],
        counts=visit.queue.count(),
        dead=DEAD_STATES,
        view=view,
        views=list(_VIEWS),
        next_page=found[_PAGE - 1].id if len(found) > _PAGE else None,
    )


def retry_job(visit: Visit) -> Response:
    """Run a dead letter again."""
    job_id = visit.form.get("job", "")
    job_control.retry(visit.store, visit.queue, job_id, actor=visit.who, origin=visit.address)
    return go_to("/console/jobs?view=open")
