"""Looking at jobs and running dead ones again, for the command line and the REST API alike."""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from keyfuse_store import KeyStore
from keyfuse_store.keystore_base import Actor
from keyfuse_store.times import rfc3339
from keyfuse_store.wire import JobWire
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.jobs import JobQueue
from keyfuse_webhook.jobs_model import DEAD_STATES, JobStatus, State

STATES: tuple[State, ...] = ("waiting", "running", "done", "undeliverable", "failed")
_SUBJECT_MAX = 120
_WRITE = "keyfuse:jobs.write"


class JobNotFound(WebhookError):
    """There is no job with this id.

    Attributes:
        job: The id.
    """

    def __init__(self, job: str) -> None:
        super().__init__("there is no such job; ended ones are forgotten after a while")
        self.job = job


class JobNotDead(WebhookError):
    """The job has not ended badly, so there is nothing to run again."""


def page(
    queue: JobQueue,
    *,
    states: Collection[State] = (),
    kind: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Sequence[JobStatus]:
    """A page of jobs, the youngest first; of all states where none is named.

    Raises:
        JobNotFound: There is no job `after`.
    """
    if after is not None:
        show(queue, after)
    return queue.list(limit, states=states, kind=kind, after=after)


def show(queue: JobQueue, job_id: str) -> JobStatus:
    """One job.

    Raises:
        JobNotFound: There is no such job.
    """
    job = queue.find(job_id)
    if job is None:
        raise JobNotFound(job_id)
    return job


def retry(
    store: KeyStore, queue: JobQueue, job_id: str, *, actor: Actor, origin: str | None = None
) -> JobStatus:
    """Run a dead letter again, from its beginning and under the same id; it is audited.

    Returns:
        The job as it stands now.

    Raises:
        JobNotFound: There is no such job.
        JobNotDead: It waits, runs, or is done.
        NotPermitted: The actor's key does not allow it (any more).
    """
    job = show(queue, job_id)
    if job.state not in DEAD_STATES:
        raise JobNotDead(f"the job is {job.state}; only one that ended badly can be run again")
    with store.begin() as connection:
        store.audit.append(
            connection,
            action="job.retried",
            subject=job.id[:_SUBJECT_MAX],
            detail={"kind": job.kind, "was": job.state},
            **store.by(store.acting(connection, actor, origin, _WRITE), origin),
        )
    queue.retry(job)
    return show(queue, job_id)


class Jobs(Protocol):
    """Looks at jobs and runs dead ones again, wherever they are."""

    def jobs(
        self,
        *,
        states: Sequence[State] = (),
        kind: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[JobWire]:
        """See `page`."""
        ...

    def job(self, job: str) -> JobWire:
        """See `show`."""
        ...

    def retry(self, job: str) -> JobWire:
        """See `retry`."""
        ...


class LocalJobs:
    """The jobs in the database of a store."""

    def __init__(self, store: KeyStore, queue: JobQueue, actor: str) -> None:
        self._store = store
        self._queue = queue
        self._actor = actor

    def jobs(
        self,
        *,
        states: Sequence[State] = (),
        kind: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[JobWire]:
        """See `page`."""
        found = page(self._queue, states=states, kind=kind, after=after, limit=limit)
        return [wire(job) for job in found]

    def job(self, job: str) -> JobWire:
        """See `show`."""
        return wire(show(self._queue, job))

    def retry(self, job: str) -> JobWire:
        """See `retry`."""
        return wire(retry(self._store, self._queue, job, actor=self._actor))


def wire(job: JobStatus) -> JobWire:
    """A job as programs see it, with its types."""
    return msgspec.convert(as_json(job), JobWire)


def as_json(job: JobStatus) -> dict[str, object]:
    """A job as programs see it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "reason": job.reason or None,
        "created": rfc3339(job.created_ms * 1000),
        "updated": rfc3339(job.updated_ms * 1000),
        "line": job.line or None,
        "arguments": list(job.arguments),
        "worker": job.worker,
    }
