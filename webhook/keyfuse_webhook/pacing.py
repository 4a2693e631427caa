"""When attempts are made: one at a time, with growing pauses after failures."""

import asyncio
import random
from collections.abc import Iterator

from keyfuse_webhook.jobs_model import Job

# Seconds.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Turn:
    """One attempt at a time, from its beginning until its end is on disk.

    So a process that dies has at most one mail handed over of which it does not know: at most
    one is sent twice.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: str | None = None

    async def begin(self, job: Job) -> None:
        """Wait for the turn of a job."""
        await self._lock.acquire()
        self._holder = job.id

    def end(self, job: Job) -> None:
        """Let the next one begin, if it is this job's turn."""
        if self._holder == job.id:
            self._holder = None
            self._lock.release()


def pauses() -> Iterator[float]:
    """Seconds between attempts: doubling, up to a minute, spread by a tenth, without end."""
    pause = FIRST_PAUSE
    while True:
        # Spread so that a thousand jobs do not meet a reviving server in the same second.
        yield round(pause * random.uniform(0.9, 1.1), 2)  # noqa: S311 - not a secret
        pause = min(pause * 2, LONGEST_PAUSE)
