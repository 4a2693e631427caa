"""Catching up: asking GitHub again for the deliveries that were missed, now and every ten minutes.

Asking again is safe: a redelivery has the id and the body of the first, and what was dealt with
is known by them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog

from keyfuse_rules import Secret
from keyfuse_store import KeyStore, StoreError
from keyfuse_store.times import SECOND
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.events import EVENTS
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import GitHubApi
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, nothing_to_conclude
from keyfuse_webhook.missed import WINDOW, missed, read_attempt
from keyfuse_webhook.revocation import Enqueue
from keyfuse_webhook.watch import Watch

CATCH_UP = "catch-up"
NO_APP = "only the webhook of a GitHub App can be caught up with; none is configured"
EVERY = timedelta(minutes=10)
# Listed, and asked for again, at most at a time: 150 calls of the 5,000 an hour.
_MOST_LISTED = 5000
_MOST_ASKED = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What catching up did.

    Attributes:
        listed: How many attempts at deliveries GitHub told of.
        asked: How many deliveries it was asked to make again.
        left: How many more were missed; the next time it is their turn.
        refused: How many it would not make again.
        complete: The list reaches back as far as GitHub keeps it.
    """

    listed: int
    asked: int
    left: int
    refused: int
    complete: bool

    def words(self) -> str:
        """The same in a line."""
        parts = [f"{self.asked} asked for again", f"{self.left} left", f"{self.refused} refused"]
        told = ", ".join(part for part in parts if not part.startswith("0 "))
        end = "" if self.complete else "; the list goes on"
        return f"{self.listed} deliveries listed, {told or 'none missed'}{end}"


class CatchUp:
    """Asks for missed deliveries of the App's webhook.

    Args:
        jwt: Makes what the App shows as itself; None where there is no App.
        clock: The time, in UTC.
    """

    def __init__(
        self, api: GitHubApi, jwt: Callable[[], Secret] | None, clock: Callable[[], datetime]
    ) -> None:
        self._clock = clock
        self._api = api
        self._jwt = jwt

    def handler(self) -> Handler:
        """This as the job worker wants it."""

        async def attempt(_job: Job) -> Outcome:
            try:
                return Outcome("done", (await asyncio.to_thread(self.run)).words())
            except (ApiRefused, InvalidSetting) as error:
                return Outcome("failed", str(error))

        return Handler(attempt, nothing_to_conclude)

    def run(self) -> CaughtUp:
        """Ask once.

        Raises:
            TryAgain: GitHub cannot be asked right now.
            ApiRefused: It does not know the App, or the App has no webhook.
            InvalidSetting: There is no App.
        """
        if self._jwt is None:
            raise InvalidSetting(NO_APP)
        now = self._clock()
        app = self._jwt()
        entries = self._api.cursored("/app/hook/deliveries", app, most=_MOST_LISTED)
        attempts, complete = [], False
        for attempt in filter(None, map(read_attempt, entries)):
            if now - attempt.at >= WINDOW:
                complete = True  # the youngest come first
                break
            attempts.append(attempt)
        due = missed(attempts, EVENTS, now)
        refused = sum(not self._ask(number, app) for number in islice(due, _MOST_ASKED))
        asked = min(len(due), _MOST_ASKED)
        return CaughtUp(
            listed=len(attempts),
            asked=asked - refused,
            left=len(due) - asked,
            refused=refused,
            complete=complete or len(attempts) < _MOST_LISTED,
        )

    def _ask(self, number: int, app: Secret) -> bool:
        try:
            self._api.call("POST", f"/app/hook/deliveries/{number}/attempts", app)
        except ApiRefused as error:
            _log.warning("delivery_not_made_again", delivery=number, reason=str(error))
            return False
        return True


def catch_up_watch(store: KeyStore, enqueue: Enqueue) -> Watch:
    """What enqueues the job every ten minutes; however many services do, it is one job."""

    def once() -> None:
        try:
            with store.begin() as connection:
                enqueue(connection, catch_up_job(store.clock()))
        except StoreError as error:
            _log.warning("catching_up_not_enqueued", reason=str(error))

    return Watch("catch-up-watch", EVERY, once)


def catch_up_job(at: int) -> Job:
    """The job of the ten minutes in which a time (epoch microseconds) lies."""
    turn = at // (int(EVERY.total_seconds()) * SECOND)
    return Job(f"{CATCH_UP}-{turn}", CATCH_UP, (), line=CATCH_UP)
