"""Durable jobs on DBOS, on SQLite or PostgreSQL: the one package that talks to it.

A job is enqueued in the transaction that makes it necessary and runs in whichever worker takes it,
at least once, until its handler says how it ended. What a job needs to know is in its arguments as
ids: they stand in the database in clear, as does its outcome.

How the library's traps are met (all were seen, not read about):

- It would store pickles, and unpickle a row that says it is one: `library`.
- It would derive a version from the code, and leave jobs of other versions lying: `library`.
- What an executor that died had begun is taken up only by an executor of the same name, and two
  live ones of one name do each other's jobs again: names are unique, each worker shows that it
  lives by a lock that dies with it (`presence`), and every worker looks for the jobs of those
  that are gone (`takeover`).
- Its own retries stop some day: ours, inside one step, do not (`worker`).
- It keeps ended jobs for ever: `retention`.
"""

from keyfuse_webhook.jobs.library import JobsUnavailable
from keyfuse_webhook.jobs.queue import JobQueue
from keyfuse_webhook.jobs.worker import JobWorker

__all__ = ["JobQueue", "JobWorker", "JobsUnavailable"]
