"""What a job is, whoever runs it; the library that does is known to `jobs` alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from keyfuse_webhook.errors import WebhookError

State = Literal["waiting", "running", "done", "undeliverable", "failed"]
# The dead letters: nothing happens to them until somebody runs them again.
DEAD_STATES: tuple[State, ...] = ("undeliverable", "failed")
# Seconds. Nobody is left alone for longer, whatever they ask for.
LONGEST_WISH = 3600.0
# Jobs of a kind that a worker takes where the other side may be down: so many may wait for their
# next attempt and others still go on, and what is more than that is left to other workers.
TAKEN_AT_ONCE = 50


class TryAgain(WebhookError):
    """A handler could not finish now; it is called again after a pause, for as long as it takes.

    Attributes:
        after: Seconds that the other side asked for; the pause is no shorter.
    """

    def __init__(self, reason: str, *, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = min(max(after, 0.0), LONGEST_WISH)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do after a commit.

    Attributes:
        id: Identifies the job for ever: enqueueing it twice is enqueueing it once.
        kind: Which handler does it.
        arguments: Ids, never secrets.
        line: Jobs of one line run one after the other, in the order they were enqueued.
        enqueued_us: When it was, in epoch microseconds; None before that.
    """

    id: str
    kind: str
    arguments: tuple[str, ...]
    line: str
    enqueued_us: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    state: Literal["done", "undeliverable", "failed"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it stands in the database.

    Attributes:
        reason: How it ended; of one that runs, why the latest attempt came to nothing.
        worker: Who is at it, where somebody is.
    """

    id: str
    kind: str
    state: State
    reason: str
    created_ms: int
    updated_ms: int
    line: str = ""
    arguments: tuple[str, ...] = ()
    worker: str | None = None


class JobCount(NamedTuple):
    """How many jobs of a kind are in a state, and since when the oldest of them is there."""

    kind: str
    state: State
    number: int
    oldest_ms: int


class Handler(NamedTuple):
    """What is done for one kind of job.

    Attributes:
        attempt: Does it; raises `TryAgain` when it cannot now. At least once, by its nature.
        conclude: Writes down how it ended; repeated until it succeeds, without a new attempt.
        one_at_a_time: Attempts of this kind do not overlap, so that a process that dies leaves
            one of them at most in doubt.
        at_once: How many of this kind a worker takes at the same time, those that wait for their
            next attempt included; None for as many as there are.
    """

    attempt: Callable[[Job], Awaitable[Outcome]]
    conclude: Callable[[Job, Outcome], Awaitable[None]]
    one_at_a_time: bool = True
    at_once: int | None = None


async def nothing_to_conclude(_job: Job, _outcome: Outcome) -> None:
    """For handlers whose every step is on disk when the attempt ends."""
