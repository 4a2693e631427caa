"""Jobs that block, on threads of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from keyfuse_webhook.jobs_model import TAKEN_AT_ONCE, Handler, Job, Outcome, nothing_to_conclude


def in_threads(
    work: Callable[[Job], Outcome], name: str, threads: int, *, taken: int = TAKEN_AT_ONCE
) -> Handler:
    """Return the handler that does its work on a few threads of its own.

    So a server that is slow to answer one kind of job keeps no other kind waiting.

    Args:
        work: Does one job; every step of it is on disk when it returns.
        name: What the threads are called.
        threads: How many there are.
        taken: See `Handler.at_once`.
    """
    executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def attempt(job: Job) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(executor, work, job)

    return Handler(attempt, nothing_to_conclude, one_at_a_time=False, at_once=taken)
