"""Running the jobs of one database, in as many workers as are started on it."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from dbos import DBOS, DBOSClient

from keyfuse_webhook.jobs.library import (
    Failed,
    Undeliverable,
    configuration,
    open_client,
)
from keyfuse_webhook.jobs.presence import open_presence
from keyfuse_webhook.jobs.retention import forget_ended
from keyfuse_webhook.jobs.takeover import TakeOver
from keyfuse_webhook.jobs.taking import UNASKED, Taking
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.metrics import ATTEMPTS_POSTPONED, JOBS_ENDED
from keyfuse_webhook.pacing import Turn, pauses

# Seconds.
SWEEP_INTERVAL = 1.0
RETENTION_INTERVAL = 3600.0
START_AGAIN = 2.0
DRAIN = 15.0
KEEP = timedelta(days=30)

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


class JobWorker:
    """Runs jobs in this process; the library allows one worker in a process.

    Args:
        url: Of the database.
        handlers: What is done for each kind of job.
        keep: How long a job that is done stays in the list.
    """

    def __init__(self, url: str, handlers: Mapping[str, Handler], keep: timedelta = KEEP) -> None:
        self._url = url
        self._handlers = handlers
        self._keep = keep
        self._stopping = threading.Event()
        # Set when no new attempt is to begin; the one who is to stop sets both.
        self._halted = threading.Event()
        self._busy = 0
        self._client: DBOSClient
        self._dbos: DBOS
        self._thread = threading.Thread(target=self._run, name="job-worker", daemon=True)

    def start(self) -> None:
        """Begin to run jobs; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being done this moment, leave what waits for others."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except Exception:  # noqa: BLE001 - whatever it is, the jobs must go on
                _log.exception("worker_failed", again_in=START_AGAIN)
                self._stopping.wait(START_AGAIN)

    def _work(self) -> None:
        """Be one executor: until told to stop, or until its sign of life is lost."""
        with ExitStack() as ending:
            presence = open_presence(self._url)
            ending.callback(presence.leave)
            client = self._client = open_client(self._url)
            ending.callback(client.destroy)
            others = TakeOver(self._url, client, presence, time.monotonic)
            ending.callback(others.close)
            self._halted.clear()
            self._dbos = DBOS(config=configuration(self._url, presence.id))
            taking = Taking(self._url, self._dbos, self._handlers)
            ending.callback(self._end, taking, others)
            self._launch()
            taking.start()
            _log.info("worker_started", worker=presence.id, kinds=sorted(self._handlers))
            forgotten = float("-inf")
            while not self._stopping.wait(SWEEP_INTERVAL):
                if not presence.holds():
                    _log.warning("worker_starts_anew", worker=presence.id)
                    return
                others.sweep()
                if time.monotonic() - forgotten > RETENTION_INTERVAL:
                    forget_ended(client, datetime.now(UTC), self._keep)
                    forgotten = time.monotonic()

    def _launch(self) -> None:
        for kind, handler in self._handlers.items():
            DBOS.workflow(name=kind, max_recovery_attempts=None)(self._workflow(kind, handler))
            self._client.register_queue(
                kind,
                partition_concurrency=1,
                worker_concurrency=handler.at_once,
                polling_interval_sec=UNASKED,
            )
        DBOS.listen_queues([])
        DBOS.launch()

    def _end(self, taking: Taking, others: TakeOver) -> None:
        """Take no more jobs, let attempts come to their end, give up what else has been begun."""
        self._halted.set()
        for event in self._dbos.background_thread_stop_events:
            event.set()
        taking.stop()
        deadline = time.monotonic() + DRAIN
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.05)
        # What was just done is being written down, and what was just taken has been begun.
        time.sleep(0.3)
        # It warns of each sleeping job it wakes up to end; that is how ours are meant to end.
        logging.getLogger("dbos").setLevel(logging.ERROR)
        DBOS.destroy(destroy_registry=True)
        with suppress(Exception):  # without it the next one does it when the lock is free
            others.give_back()

    def _workflow(self, kind: str, handler: Handler) -> Callable[..., Awaitable[dict[str, str]]]:
        turn = Turn() if handler.one_at_a_time else None

        async def attempt(job: Job) -> dict[str, str]:
            outcome = await self._until_done(job, lambda: handler.attempt(job), turn)
            _log.info("job_ended", job=job.id, state=outcome.state, reason=outcome.reason)
            return {"state": outcome.state, "reason": outcome.reason}

        async def conclude(job: Job, ended: dict[str, str]) -> None:
            outcome = Outcome(**ended)  # type: ignore[arg-type]  # as `attempt` wrote it
            await self._until_done(job, lambda: handler.conclude(job, outcome), begun=True)

        # Two steps: what the second one writes may fail without the first being done again.
        async def run(line: str, *arguments: str) -> dict[str, str]:
            job_id = str(DBOS.workflow_id)
            job = Job(job_id, kind, arguments, line, await self._enqueued(job_id))
            try:
                ended = await DBOS.run_step_async({"name": "attempt"}, attempt, job)
            finally:
                if turn is not None:
                    turn.end(job)
            await DBOS.run_step_async({"name": "conclude"}, conclude, job, ended)
            JOBS_ENDED.labels(kind, ended["state"]).inc()
            return _ended(ended)

        run.__qualname__ = run.__name__ = kind
        return run

    async def _until_done(
        self,
        job: Job,
        call: Callable[[], Awaitable[_T]],
        turn: Turn | None = None,
        *,
        begun: bool = False,
    ) -> _T:
        """Call until it comes to an end; the pauses are not worth remembering."""
        told = ""
        for pause in pauses():
            if turn is not None:
                await turn.begin(job)
            if not begun:
                await self._pause(0)
            self._busy += 1
            try:
                return await call()
            except TryAgain as error:
                pause, reason = max(pause, error.after), str(error)  # noqa: PLW2901 - asked for
                ATTEMPTS_POSTPONED.labels(job.kind).inc()
                _log.warning("job_postponed", job=job.id, reason=reason, again_in=pause)
            except Exception as error:  # noqa: BLE001 - any end but one of ours is no end
                # A database that is busy, a bug: neither may cost an owner the message.
                reason = type(error).__name__
                ATTEMPTS_POSTPONED.labels(job.kind).inc()
                _log.exception("job_broke", job=job.id, again_in=pause)
            finally:
                self._busy -= 1
            if turn is not None:
                turn.end(job)
            if reason != told:
                told = reason
                await self._note(job, reason)
            await self._pause(pause)
        raise AssertionError("the pauses never end")

    async def _enqueued(self, job_id: str) -> int | None:
        """When a job was enqueued; None where that cannot be read, for a job is worth more."""
        with suppress(Exception):
            (found,) = await asyncio.to_thread(
                self._client.list_workflows,
                workflow_ids=[job_id],
                load_input=False,
                load_output=False,
            )
            return found.created_at and found.created_at * 1000
        return None

    async def _note(self, job: Job, reason: str) -> None:
        """Let whoever looks at the job see why it has not ended."""
        note = {"postponed": reason}
        with suppress(Exception):  # a note is not worth an attempt
            await asyncio.to_thread(self._client.update_workflow_attributes, job.id, note)

    async def _pause(self, seconds: float) -> None:
        """Wait; for ever if nothing new is to begin, until the loop this runs on is cancelled."""
        await asyncio.sleep(seconds)
        while self._halted.is_set():
            await asyncio.sleep(1)


def _ended(ended: dict[str, str]) -> dict[str, str]:
    """Raises where the job is to be a dead letter."""
    if ended["state"] == "undeliverable":
        raise Undeliverable(ended["reason"])
    if ended["state"] == "failed":
        raise Failed(ended["reason"])
    return ended
