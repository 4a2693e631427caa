"""Putting the jobs of a worker that is gone back in line, each exactly once."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import sqlalchemy as sa
import structlog
from dbos import DBOSClient

from keyfuse_webhook.jobs.library import status_table
from keyfuse_webhook.jobs.presence import Presence

_RUNNING = "PENDING"
_BATCH = 500

_log = structlog.get_logger(__name__)


class TakeOver:
    """What each worker does every second for those that cannot any more.

    Args:
        url: Of the database.
        client: Of the job tables in it.
        presence: Of the worker that looks.
        clock: Seconds, never turned back.
    """

    def __init__(
        self, url: str, client: DBOSClient, presence: Presence, clock: Callable[[], float]
    ) -> None:
        self._engine = sa.create_engine(url, pool_size=1, isolation_level="AUTOCOMMIT")
        self._table = status_table(url)
        self._client = client
        self._presence = presence
        self._clock = clock
        self._free_since: dict[str, float] = {}

    def sweep(self) -> int:
        """Look for jobs of workers that are gone; gives the number of those put back in line."""
        others = self._workers() - {self._presence.id}
        self._free_since = {name: at for name, at in self._free_since.items() if name in others}
        return sum(self._look_after(name) for name in sorted(others))

    def give_back(self) -> None:
        """Put back what the worker itself had begun, when it does nothing any more."""
        self._put_back(self._presence.id)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _workers(self) -> set[str]:
        """Whoever has begun a job that has not ended."""
        names = sa.select(self._table.c.executor_id).where(self._table.c.status == _RUNNING)
        with self._engine.connect() as connection:
            return {name for name in connection.scalars(names.distinct()) if name}

    def _look_after(self, name: str) -> int:
        with self._presence.claim(name) as free:
            if not free:
                self._free_since.pop(name, None)
                return 0
            since = self._free_since.setdefault(name, self._clock())
            if self._clock() - since < self._presence.patience:
                return 0
            # Read again under the lock: whoever held it before may have done it all.
            jobs = self._put_back(name)
        if jobs:
            _log.warning("jobs_taken_over", of=name, jobs=jobs)
        return jobs

    def _put_back(self, name: str) -> int:
        found = self._client.list_workflows(
            executor_id=name, status=_RUNNING, load_input=False, load_output=False
        )
        by_queue: dict[str | None, list[str]] = defaultdict(list)
        for workflow in found:
            by_queue[workflow.queue_name].append(workflow.workflow_id)
        for queue, ids in by_queue.items():
            for start in range(0, len(ids), _BATCH):
                self._resume(ids[start : start + _BATCH], queue)
        return len(found)

    def _resume(self, ids: Sequence[str], queue: str | None) -> None:
        self._client.resume_workflows(list(ids), queue_name=queue)
