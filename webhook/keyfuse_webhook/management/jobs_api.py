"""Jobs: list, show, retry."""

from typing import Annotated

from msgspec import Meta, Struct

from keyfuse_store import wire
from keyfuse_webhook import job_control
from keyfuse_webhook.jobs_model import State
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Answered, Call, Desk, Nothing, Operation, Said
from keyfuse_webhook.management.shapes import After, Limit, Line

_READ, _WRITE = "keyfuse:jobs.read", "keyfuse:jobs.write"
_JOBS, _JOB = "/v1/jobs", "/v1/jobs/{job}"


class JobFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which jobs to list."""

    state: (
        Annotated[tuple[State, ...], Meta(min_length=1, max_length=5, description="One of these.")]
        | None
    ) = None
    kind: Line | None = None
    after: After | None = None
    limit: Limit = 100


def list_jobs(desk: Desk, call: Call[JobFilter]) -> Said:
    """A page of jobs."""
    asked = call.asked
    found = job_control.page(
        desk.jobs, states=asked.state or (), kind=asked.kind, after=asked.after, limit=asked.limit
    )
    following = found[-1].id if len(found) == asked.limit else None
    return Said({"jobs": [job_control.as_json(job) for job in found], "next": following})


def show_job(desk: Desk, call: Call[Nothing]) -> Said:
    """One job."""
    return Said(job_control.as_json(job_control.show(desk.jobs, call.path["job"])))


def retry_job(desk: Desk, call: Call[Nothing]) -> Said:
    """The job as it stands then."""
    job = job_control.retry(desk.store, desk.jobs, call.path["job"], **call.by)
    return Said(job_control.as_json(job))


OPERATIONS = (
    Operation(
        method="GET",
        path=_JOBS,
        name="listJobs",
        summary="List jobs, the youngest first.",
        scope=_READ,
        run=list_jobs,
        asks=JobFilter,
        answers={200: Answered(wire.JobPage, {"jobs": [examples.JOB], "next": None})},
    ),
    Operation(
        method="GET",
        path=_JOB,
        name="showJob",
        summary="Show one job: how it stands, and why.",
        scope=_READ,
        run=show_job,
        asks=Nothing,
        answers={200: Answered(wire.JobWire, examples.JOB)},
    ),
    Operation(
        method="POST",
        path=f"{_JOB}/retry",
        name="retryJob",
        summary="Run a job again that ended badly, from its beginning.",
        scope=_WRITE,
        run=retry_job,
        asks=Nothing,
        refusals=frozenset({409}),
        answers={200: Answered(wire.JobWire, examples.JOB | {"state": "waiting", "reason": None})},
    ),
)
