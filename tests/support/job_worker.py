"""A job worker in a process of its own: python -m support.job_worker URL FOLDER.

It writes into FOLDER/log when it begins a job and when it ends it, and goes on with one for as long
as FOLDER/hold-<id> is there.
"""

import asyncio
import os
import sys
from pathlib import Path

from keyfuse_webhook.ending import end_for_certain, until_told
from keyfuse_webhook.jobs import JobWorker
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, nothing_to_conclude


def main(url: str, folder: Path) -> None:
    def note(job: Job, word: str) -> None:
        with (folder / "log").open("a") as log:
            log.write(f"{os.getpid()} {job.id} {word}\n")

    async def attempt(job: Job) -> Outcome:
        note(job, "begins")
        while (folder / f"hold-{job.id}").exists():
            await asyncio.sleep(0.02)
        note(job, "ends")
        return Outcome("done")

    handler = Handler(attempt, nothing_to_conclude, one_at_a_time=False, at_once=2)
    worker = JobWorker(url, {"tell": handler})
    wait = until_told()
    worker.start()
    wait()
    end_for_certain()
    worker.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
