"""Telling of leaks: the job that finds out what there is to tell, and one for each target.

Each target has jobs of its own, so that one that is down neither holds up another nor has it told
twice. Those of one owner are done in their order at each target.
"""

import asyncio
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from keyfuse_store import KeyStore, incidents, leak_steps, leaks, owners, receipts
from keyfuse_store.evidence import Evidence
from keyfuse_store.incidents import Incident
from keyfuse_store.leak_steps import Step
from keyfuse_store.leaks import Leak, LeakState
from keyfuse_store.times import SECOND, from_micros
from keyfuse_webhook.jobs_model import Handler, Job, Outcome
from keyfuse_webhook.message import LeakedKey, Place
from keyfuse_webhook.notifiers import NOTIFIERS, Notice, Notifier, open_notifiers
from keyfuse_webhook.revocation import NOTIFY, Enqueue

# A delivery that broke off (its process died) leaves its receipt open: what is there is told.
LONGEST_OPEN = 30 * SECOND
# The last calls with a key are counted within a second, in whichever process they were made.
COUNTED = 1.5 * SECOND
_LOOK_AGAIN = 0.5
_PAGE = 500

NO_TARGET = "nobody to tell is configured (KEYFUSE_SMTP_URL or another target)"
NOT_CONFIGURED = "this target is not configured any more"
NOTHING_TO_TELL = "nothing was left to tell"


def notification_handlers(store: KeyStore, enqueue: Enqueue) -> Mapping[str, Handler]:
    """The kinds of jobs that tell of leaks; each target has one, configured or not.

    Raises:
        InvalidSetting: A target cannot work as it is set.
    """
    opened = open_notifiers(store.settings)
    told = {kind_of(name): Told(store, name, opened.get(name)).handler() for name in NOTIFIERS}
    return {NOTIFY: Notices(store, tuple(opened), enqueue).handler(), **told}


def kind_of(target: str) -> str:
    """The kind of the jobs of one target."""
    return f"tell-{target}"


def target_job(target: str, receipt_id: str, owner_id: str) -> Job:
    """The job that tells one target of what one receipt brought for one owner."""
    kind = kind_of(target)
    return Job(f"{kind}-{receipt_id}-{owner_id}", kind, (receipt_id, owner_id), line=owner_id)


class Notices:
    """Waits until a delivery is complete, then gives each target its job.

    Args:
        targets: Names of those that are configured.
    """

    def __init__(self, store: KeyStore, targets: tuple[str, ...], enqueue: Enqueue) -> None:
        self._store = store
        self._targets = targets
        self._enqueue = enqueue

    def handler(self) -> Handler:
        """This as the job worker wants it."""

        async def attempt(job: Job) -> Outcome:
            while (seconds := await asyncio.to_thread(self.to_wait, job)) > 0:
                await asyncio.sleep(seconds)
            return await asyncio.to_thread(self.spread, job)

        async def conclude(job: Job, outcome: Outcome) -> None:
            if outcome.state == "undeliverable":
                await asyncio.to_thread(_conclude, self._store, job, None, outcome)

        return Handler(attempt, conclude, one_at_a_time=False)

    def to_wait(self, job: Job) -> float:
        """Seconds until it makes sense to look at the delivery (again)."""
        now = self._store.clock()
        with self._store.read() as connection:
            receipt = receipts.get(connection, job.arguments[0])
        if receipt is None:
            return 0
        if receipt.closed_us is not None:
            return (receipt.closed_us + COUNTED - now) / SECOND
        return _LOOK_AGAIN if now - receipt.opened_us < LONGEST_OPEN else 0

    def spread(self, job: Job) -> Outcome:
        """Enqueue a job for each target."""
        receipt_id, owner_id = job.arguments
        with self._store.begin() as connection:
            if not any(True for _ in _leaks(connection, receipt_id, owner_id)):
                return Outcome("done", NOTHING_TO_TELL)
            if not self._targets:
                return Outcome("undeliverable", NO_TARGET)
            for target in self._targets:
                self._enqueue(connection, target_job(target, receipt_id, owner_id))
        return Outcome("done", ", ".join(self._targets))


class Told:
    """Tells one target of what one delivery brought for one owner, once.

    Args:
        target: Its name.
        notifier: None where it is not configured (any more).
    """

    def __init__(self, store: KeyStore, target: str, notifier: Notifier | None) -> None:
        self._store = store
        self._target = target
        self._notifier = notifier

    def handler(self) -> Handler:
        """This as the job worker wants it; the target and the database wait in a thread."""

        async def attempt(job: Job) -> Outcome:
            return await asyncio.to_thread(self.tell, job)

        async def conclude(job: Job, outcome: Outcome) -> None:
            await asyncio.to_thread(_conclude, self._store, job, self._target, outcome)

        return Handler(attempt, conclude)

    def tell(self, job: Job) -> Outcome:
        """Hand the notice over.

        Raises:
            TryAgain: The target did not take it.
        """
        if self._notifier is None:
            return Outcome("undeliverable", NOT_CONFIGURED)
        notice = read_notice(self._store, *job.arguments)
        if notice is None:
            return Outcome("done", NOTHING_TO_TELL)
        return self._notifier.deliver(notice)


def read_notice(store: KeyStore, receipt_id: str, owner_id: str) -> Notice | None:
    """What an owner is to be told of a delivery, as it stands now; None where that is nothing."""
    now = store.clock()
    with store.read() as connection:
        found = [
            leaked_key(incidents.read(connection, leak, now))
            for leak in _leaks(connection, receipt_id, owner_id)
        ]
        if not found:
            return None
        address = owners.get(connection, owner_id).email
    return Notice(f"{NOTIFY}-{receipt_id}-{owner_id}", address, tuple(found), from_micros(now))


def leaked_key(incident: Incident) -> LeakedKey:
    """An incident as its owner needs to see it."""
    key, leak, use = incident.key, incident.leak, incident.use
    return LeakedKey(
        key_id=key.id,
        prefix=key.prefix,
        name=key.name,
        owner=key.owner,
        scopes=key.scopes,
        first_seen=from_micros(leak.first_seen_us),
        died=key.revoked,
        action=leak.action,
        places=tuple(_place(one.evidence) for one in incident.evidence),
        leak_id=leak.id,
        claimed=None if incident.claimed_us is None else from_micros(incident.claimed_us),
        uses=use.valid,
        last_use=None if use.last_us is None else from_micros(use.last_us),
        successor=key.successor_id,
    )


def _place(evidence: Evidence) -> Place:
    verified = evidence.trust != "possession"
    return Place(evidence.origin, evidence.source, evidence.url, verified)


def _conclude(store: KeyStore, job: Job, target: str | None, outcome: Outcome) -> None:
    """Write to each leak and to the audit record how it went; again changes nothing.

    A leak of which one target was told stays `notified`, whatever becomes of the others.
    """
    receipt_id, owner_id = job.arguments
    state: LeakState = "notified" if outcome.state == "done" else "undeliverable"
    at = store.clock()
    step = Step(target or NOTIFY, outcome.state, outcome.reason, at)
    with store.begin() as connection:
        changed = []
        for leak in _leaks(connection, receipt_id, owner_id):
            if leak_steps.note(connection, leak.id, step):
                changed.append(leak.key_id)
            if leak.state == "open" or (leak.state, state) == ("undeliverable", "notified"):
                leaks.mark(connection, leak.id, state)
        if changed:
            store.audit.append(
                connection,
                action=f"owner.{state}",
                actor="keyfuse",
                subject=owner_id,
                at=at,
                detail={
                    "by": target,
                    "receipt": receipt_id,
                    "keys": changed,
                    "reason": outcome.reason,
                },
            )


def _leaks(connection: Connection, receipt_id: str, owner_id: str) -> Iterator[Leak]:
    after: str | None = None
    while True:
        page = leaks.page(
            connection, receipt_id=receipt_id, owner_id=owner_id, after=after, limit=_PAGE
        )
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id
