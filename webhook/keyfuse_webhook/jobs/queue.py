"""The jobs of a database as anybody sees them: put one in, look at them, run a dead one again."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from dbos import DBOSClient, error

from keyfuse_rules.redact import scrub
from keyfuse_webhook.jobs.library import JobsUnavailable, Undeliverable, open_client, status_table
from keyfuse_webhook.jobs.retention import DEAD, DONE
from keyfuse_webhook.jobs_model import Job, JobCount, JobStatus, State

_PAGE = 500
_OPEN = ("ENQUEUED", "DELAYED", "PENDING")
_STATUSES: Mapping[State, tuple[str, ...]] = {
    "waiting": ("ENQUEUED", "DELAYED"),
    "running": ("PENDING",),
    "done": DONE,
    "undeliverable": DEAD,
    "failed": DEAD,
}


class JobQueue:
    """Puts jobs into the database of the keys, and looks at them.

    Raises:
        JobsUnavailable: The job tables cannot be made.
    """

    def __init__(self, url: str) -> None:
        self._client: DBOSClient = open_client(url)
        self._table = status_table(url)
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)

    def enqueue(self, conn: sa.Connection, job: Job) -> None:
        """Add a job to the caller's transaction; a known id changes nothing.

        The order of a line is that of the commits if, as in `KeyStore.begin`, one transaction at
        a time writes.
        """
        if self._is_known(conn, job.id):
            return
        self._client.enqueue_in_transaction(
            conn,
            {
                "workflow_name": job.kind,
                "queue_name": job.kind,
                "workflow_id": job.id,
                "queue_partition_key": job.line,
            },
            job.line,
            *job.arguments,
        )
        self._place_last(conn, job)

    def find(self, job_id: str) -> JobStatus | None:
        """The job with this id."""
        found = self._client.list_workflows(workflow_ids=[job_id])
        return _status(found[0]) if found else None

    def list(
        self,
        limit: int = 100,
        *,
        states: Collection[State] = (),
        kind: str | None = None,
        offset: int = 0,
    ) -> Sequence[JobStatus]:
        """The youngest jobs first, after the first `offset` of them.

        Args:
            limit: How many at most.
            states: Only jobs in one of these; empty for all.
            kind: Only jobs of this kind.
            offset: How many to pass over.
        """
        jobs = (job for job in self._walk(states, kind) if not states or job.state in states)
        return list(islice(jobs, offset, offset + limit))

    def count(self) -> Sequence[JobCount]:
        """How many jobs of each kind wait, run or ended badly; those that are done are left out.

        Raises:
            JobsUnavailable: The database does not say.
        """
        kind, status = self._table.c.name, self._table.c.status
        rows = (
            sa.select(kind, status, sa.func.count(), sa.func.min(self._table.c.created_at))
            .where(status.in_([*_OPEN, *DEAD]))
            .group_by(kind, status)
        )
        try:
            with self._engine.connect() as connection:
                found = connection.execute(rows).all()
        except sa.exc.SQLAlchemyError as error:
            raise JobsUnavailable(f"jobs cannot be counted: {type(error).__name__}") from None
        return [JobCount(row[0], _STATES[row[1]], row[2], row[3]) for row in found]

    def retry(self, job: JobStatus) -> bool:
        """Put a dead letter back in line, to be done from its beginning under the same id.

        Returns:
            False where it is no dead letter any more.
        """
        try:
            self._client.rewind_workflow(job.id, queue_name=job.kind, queue_partition_key=job.line)
        except error.DBOSException:
            return False
        return True

    def close(self) -> None:
        """Let go of the database."""
        self._client.destroy()
        self._engine.dispose()

    def _is_known(self, conn: sa.Connection, job_id: str) -> bool:
        known = sa.select(self._table.c.status).where(self._table.c.workflow_uuid == job_id)
        return conn.execute(known).first() is not None

    def _place_last(self, conn: sa.Connection, job: Job) -> None:
        """Put a job behind all of its line.

        The library would order by the time its transaction began; on SQLite under Python 3.11 by
        the second, and within it by id.
        """
        table = self._table.c
        latest = sa.select(sa.func.max(table.created_at)).where(
            table.queue_name == job.kind,
            table.queue_partition_key == job.line,
            table.status.in_(_OPEN),
            table.workflow_uuid != job.id,
        )
        place = max(time.time_ns() // 1_000_000, (conn.scalar(latest) or 0) + 1)
        this = self._table.update().where(table.workflow_uuid == job.id)
        conn.execute(this.values(created_at=place))

    def _walk(self, states: Collection[State], kind: str | None) -> Iterator[JobStatus]:
        wanted = {status for state in states for status in _STATUSES[state]}
        for start in range(0, 1_000_000_000, _PAGE):
            page = self._client.list_workflows(
                status=sorted(wanted) or None,
                name=kind,
                limit=_PAGE,
                offset=start,
                sort_desc=True,
            )
            yield from map(_status, page)
            if len(page) < _PAGE:
                return


def _status(workflow: Any) -> JobStatus:
    line, *arguments = workflow.input["args"] if workflow.input else ("",)
    return JobStatus(
        id=workflow.workflow_id,
        kind=workflow.name,
        state=_state(workflow),
        reason=scrub(_reason(workflow)),
        created_ms=workflow.created_at,
        updated_ms=workflow.updated_at,
        line=line,
        arguments=tuple(arguments),
        worker=workflow.executor_id if workflow.status == "PENDING" else None,
    )


def _state(workflow: Any) -> State:
    if workflow.status in DEAD:
        name = getattr(workflow.error, "name", "")
        return "undeliverable" if name == Undeliverable.__name__ else "failed"
    return _STATES.get(workflow.status, "failed")


def _reason(workflow: Any) -> str:
    """How it ended, or else why it has not."""
    if workflow.status in DONE and isinstance(workflow.output, Mapping):
        return str(workflow.output["reason"])
    if workflow.status in DEAD:
        return str(getattr(workflow.error, "message", "") or workflow.status.lower())
    return str((workflow.attributes or {}).get("postponed", ""))


_STATES: Mapping[str, State] = {
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
    **dict.fromkeys(DEAD, "failed"),
}
