"""The jobs of a database as anybody sees them: put one in, look at them, run a dead one again."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
        after: str | None = None,
    ) -> Sequence[JobStatus]:
        """The youngest jobs first.

        Args:
            limit: How many at most.
            states: Only jobs in one of these; empty for all.
            kind: Only jobs of this kind.
            after: Only jobs behind the one with this id; where that is not known, there are none.

        Raises:
            JobsUnavailable: The database does not say.
        """
        # Two of our states are one of the library's.
        jobs = self._walk(states, kind, after, min(limit, _PAGE))
        return list(islice((job for job in jobs if not states or job.state in states), limit))

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
        with self._reading() as connection:
            found = connection.execute(rows).all()
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

    def _walk(
        self, states: Collection[State], kind: str | None, after: str | None, size: int
    ) -> Iterator[JobStatus]:
        """All of them, a page at a time; the library alone would page by number, which shifts."""
        query = self._ids(states, kind)
        while True:
            with self._reading() as connection:
                behind = query if after is None else query.where(self._is_behind(after))
                ids = list(connection.scalars(behind.limit(size)))
            if not ids:
                return
            found = {one.workflow_id: one for one in self._client.list_workflows(workflow_ids=ids)}
            # One that was forgotten meanwhile is not listed.
            yield from (_status(found[job_id]) for job_id in ids if job_id in found)
            after = ids[-1]

    def _ids(self, states: Collection[State], kind: str | None) -> sa.Select[str]:
        table = self._table.c
        youngest_first = (table.created_at.desc(), table.workflow_uuid.desc())
        query = sa.select(table.workflow_uuid).order_by(*youngest_first)
        if states:
            wanted = {status for state in states for status in _STATUSES[state]}
            query = query.where(table.status.in_(sorted(wanted)))
        return query if kind is None else query.where(table.name == kind)

    def _is_behind(self, job_id: str) -> sa.ColumnElement[bool]:
        table = self._table.c
        place = sa.select(table.created_at).where(table.workflow_uuid == job_id).scalar_subquery()
        # In words that let an index on the time serve.
        is_older = table.created_at < place
        return is_older | ((table.created_at == place) & (table.workflow_uuid < job_id))

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise JobsUnavailable(f"jobs cannot be looked at: {type(error).__name__}") from None


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
