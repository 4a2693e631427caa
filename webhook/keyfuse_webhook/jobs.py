"""Durable jobs: the one module that talks to DBOS.

A job is enqueued in the transaction that makes it necessary and runs in whichever process
holds the worker lock, at least once, until its handler says how it ended. What a job needs to
know is in its arguments as ids: they stand in the database in clear, as does its outcome.

How the library's traps are met (all were seen, not read about):

- It would store pickles: the JSON serializer is set on both ends. It would still unpickle a row
  that says it is one, so that whoever can write to the database could run code here: refused.
- Work of an executor that died is taken up only by an executor of the same name: there is one
  name, and `worker_lock` sees to it that one live process has it.
- It would derive a version from the code, and leave jobs of other versions lying: pinned.
- Its own retries stop some day: ours, inside one step, do not.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from dbos._serialization import DefaultSerializer

from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.jobs_model import Handler, Job, JobStatus, Outcome, State, TryAgain
from keyfuse_webhook.old_sqlite import teach_fractions_of_seconds
from keyfuse_webhook.pacing import Turn, pauses
from keyfuse_webhook.worker_lock import WorkerLock

# Raise only when the order of the steps of a job changes incompatibly.
_APPLICATION_VERSION = "1"
_EXECUTOR = "embedded"
_APPLICATION = "keyfuse"

# Seconds. A mail leaves within the polling interval.
POLLING_INTERVAL = 0.2
TAKE_OVER_INTERVAL = 2.0
DRAIN = 15.0

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


def _refuse_pickle(_serializer: object, _text: str) -> NoReturn:
    raise TypeError("a row of the job tables holds a pickle, which keyfuse never writes")


# No setting turns it off; a test plants such a row and sees that it does nothing.
DefaultSerializer.deserialize = _refuse_pickle  # type: ignore[method-assign, assignment]  # it is never to return
teach_fractions_of_seconds()


class JobsUnavailable(WebhookError):
    """The database cannot hold jobs just now."""


class JobQueue:
    """Puts jobs into the database of the keys, and looks at them."""

    def __init__(self, url: str) -> None:
        # The tables are the library's; on SQLite they share the file with ours.
        try:
            DBOS.migrate(url)
            self._client = DBOSClient(
                system_database_url=url,
                serializer=DBOSPortableJSONSerializer(),
                application_name=_APPLICATION,
            )
        except sa.exc.SQLAlchemyError as error:
            raise JobsUnavailable(
                f"the job tables cannot be made in the database: {type(error).__name__}"
            ) from None

    def enqueue(self, conn: sa.Connection, job: Job) -> None:
        """Add a job to the caller's transaction; a known id changes nothing."""
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

    def find(self, job_id: str) -> JobStatus | None:
        """The job with this id."""
        found = self._client.list_workflows(workflow_ids=[job_id])
        return _status(found[0]) if found else None

    def list(self, limit: int = 100) -> list[JobStatus]:
        """The youngest jobs first."""
        found = self._client.list_workflows(limit=limit, sort_desc=True)
        return [_status(workflow) for workflow in found]

    def close(self) -> None:
        """Let go of the database."""
        self._client.destroy()


class JobWorker:
    """Runs the jobs of one database, in one process at a time.

    It starts as soon as no other live process does the same, so a second service on the same
    database is a spare that takes over within seconds.
    """

    def __init__(self, url: str, handlers: Mapping[str, Handler]) -> None:
        self._url = url
        self._handlers = handlers
        self._lock = WorkerLock(url)
        self._stopping = threading.Event()
        self._busy = 0
        self._thread = threading.Thread(target=self._stand_by, name="job-worker", daemon=True)

    def start(self) -> None:
        """Begin to run jobs, now or when the present worker is gone; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being done this moment, leave what waits for the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _stand_by(self) -> None:
        waiting = False
        while not self._stopping.is_set():
            if self._lock.acquire():
                self._work()
            elif not waiting:
                _log.info("another_worker_runs_the_jobs")
                waiting = True
            self._stopping.wait(TAKE_OVER_INTERVAL)

    def _work(self) -> None:
        try:
            self._launch()
            self._stopping.wait()
            self._drain()
        except Exception:  # noqa: BLE001 - whatever it is, the jobs must go on
            _log.exception("worker_failed", again_in=TAKE_OVER_INTERVAL)
        finally:
            # It warns of each sleeping job it wakes up to end; that is how ours are meant to end.
            logging.getLogger("dbos").setLevel(logging.ERROR)
            DBOS.destroy(destroy_registry=True)
            self._lock.release()

    def _launch(self) -> None:
        config: DBOSConfig = {
            "name": _APPLICATION,
            "system_database_url": self._url,
            "application_version": _APPLICATION_VERSION,
            "executor_id": _EXECUTOR,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
        }
        DBOS(config=config)
        for kind, handler in self._handlers.items():
            DBOS.workflow(name=kind, max_recovery_attempts=None)(self._workflow(kind, handler))
        DBOS.launch()
        for kind in self._handlers:
            DBOS.register_queue(
                kind,
                partition_concurrency=1,
                polling_interval_sec=POLLING_INTERVAL,
                on_conflict="always_update",
            )
        _log.info("worker_started", kinds=sorted(self._handlers))

    def _workflow(self, kind: str, handler: Handler) -> Callable[..., Awaitable[dict[str, str]]]:
        turn = Turn() if handler.one_at_a_time else None

        async def attempt(job: Job) -> dict[str, str]:
            outcome = await self._until_done(job, lambda: handler.attempt(job), turn)
            _log.info("job_ended", job=job.id, state=outcome.state, reason=outcome.reason)
            return {"state": outcome.state, "reason": outcome.reason}

        async def conclude(job: Job, ended: dict[str, str]) -> None:
            outcome = Outcome(**ended)  # type: ignore[arg-type]  # as `attempt` wrote it
            await self._until_done(job, lambda: handler.conclude(job, outcome))

        # Two steps: what the second one writes may fail without the first being done again.
        async def run(line: str, *arguments: str) -> dict[str, str]:
            job = Job(str(DBOS.workflow_id), kind, arguments, line)
            try:
                ended = await DBOS.run_step_async({"name": "attempt"}, attempt, job)
            finally:
                if turn is not None:
                    turn.end(job)
            await DBOS.run_step_async({"name": "conclude"}, conclude, job, ended)
            return ended

        run.__qualname__ = run.__name__ = kind
        return run

    async def _until_done(
        self, job: Job, call: Callable[[], Awaitable[_T]], turn: Turn | None = None
    ) -> _T:
        """Call until it comes to an end; the pauses are not worth remembering."""
        for usual in pauses():
            pause = usual
            if turn is not None:
                await turn.begin(job)
                await self._pause(0)
            self._busy += 1
            try:
                return await call()
            except TryAgain as error:
                pause = max(usual, error.after)
                _log.warning("job_postponed", job=job.id, reason=str(error), again_in=pause)
            except Exception:  # noqa: BLE001 - any end but one of ours is no end
                # A database that is busy, a bug: neither may cost an owner the message.
                _log.exception("job_broke", job=job.id, again_in=pause)
            finally:
                self._busy -= 1
            if turn is not None:
                turn.end(job)
            await self._pause(pause)
        raise AssertionError("the pauses never end")

    async def _pause(self, seconds: float) -> None:
        """Wait; for ever if the worker is to end, so that nothing new is begun."""
        await asyncio.sleep(seconds)
        while self._stopping.is_set():
            await asyncio.sleep(1)  # until the loop this runs on is cancelled

    def _drain(self) -> None:
        """Wait for mails that are just being handed over, and for their ends to be written."""
        settle = threading.Event()
        deadline = time.monotonic() + DRAIN
        while self._busy and time.monotonic() < deadline:
            settle.wait(0.1)
        settle.wait(0.3)


def _status(workflow: Any) -> JobStatus:
    state, reason = _STATES.get(workflow.status, "failed"), ""
    if workflow.status == "SUCCESS" and isinstance(workflow.output, Mapping):
        state, reason = workflow.output["state"], workflow.output["reason"]
    elif workflow.error is not None:
        reason = type(workflow.error).__name__
    return JobStatus(
        id=workflow.workflow_id,
        kind=workflow.name,
        state=state,
        reason=reason,
        created_ms=workflow.created_at,
        updated_ms=workflow.updated_at,
    )


_STATES: Mapping[str, State] = {
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
}
