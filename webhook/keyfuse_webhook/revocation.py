"""What happens when a key of ours was seen where it should not be: the leak response.

In ONE transaction: the leak is recorded, the key killed (or as its type's policy says), both
are written to the audit record, and the job that tells the owner is enqueued. A large delivery
is several such transactions, of at most `BATCH` sightings each; whoever reported is answered
after the last. Proof is the whole secret: a sighting begins with a key that `KeyStore.match`
found, never with an id.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, update

from keyfuse_store import KeyStore, leaks, lifecycle, receipts
from keyfuse_store.audit_changes import Appends
from keyfuse_store.evidence import EVIDENCE_MAX, Evidence
from keyfuse_store.leak_schema import leaks as leaks_table
from keyfuse_store.leaks import LeakAction, Recorded
from keyfuse_store.model import Key
from keyfuse_store.times import SECOND
from keyfuse_webhook.jobs_model import Job
from keyfuse_webhook.metrics import LEAKED_KEYS, TO_DEATH

NOTIFY = "notify"
# Well below the 500 that are allowed: an alert about one key waits for one of these at most.
BATCH = 100
# A receipt open for longer is closed and a new one goes on: a notice waits for its receipt to
# close, but not for ever (`notification.LONGEST_OPEN`), and must find everything it tells of.
_RECEIPT_LIFE = 10 * SECOND

Enqueue = Callable[[Connection, Job], None]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A key of ours, proven by its whole secret, and how we know that it leaked.

    Attributes:
        private: It was seen where only members look; its type may say that this is less.
    """

    key: Key
    evidence: Evidence
    private: bool = False


class LeakResponse:
    """Deals with sightings, the same way wherever they come from."""

    def __init__(self, store: KeyStore, enqueue: Enqueue) -> None:
        self._store = store
        self._enqueue = enqueue

    def respond(
        self,
        sightings: Sequence[Sighting],
        *,
        actor: str,
        origin: str | None = None,
        received: int | None = None,
    ) -> None:
        """Deal with all sightings of one delivery; when this returns all of it is committed.

        Args:
            sightings: In any order, repetitions included.
            actor: Who reports, for the audit record.
            origin: From which address, for the audit record.
            received: When the report arrived, in epoch microseconds.

        Raises:
            DatabaseError: Not everything was committed. What was is right as it is, and the
                same delivery again does the rest.
        """
        receipt = _Receipt(self._store.clock())
        for batch, last in _batches(sightings):
            with (
                self._store.begin() as connection,
                self._store.audit.gathering(connection) as audit,
            ):
                at = self._store.clock()
                receipt = receipt.current(connection, actor, at)
                told = _Told(audit, receipt.id, actor, origin, at, [])
                owners = {s.key.owner_id for s in batch if self._deal(connection, s, told)}
                for owner_id in sorted(owners):
                    self._enqueue(connection, notice_job(receipt.id, owner_id))
                if last:
                    receipts.close_receipt(connection, receipt.id, at=at)
            self._count(told, received)

    def _count(self, told: "_Told", received: int | None) -> None:
        """Count what was committed."""
        seconds = None if received is None else (self._store.clock() - received) / SECOND
        for action in told.changed:
            LEAKED_KEYS.labels(told.actor, action).inc()
            if action == "revoke" and seconds is not None:
                TO_DEATH.labels(told.actor).observe(max(0.0, seconds))

    def _deal(self, connection: Connection, sighting: Sighting, told: "_Told") -> bool:
        """Deal with one sighting; True where its owner has to hear of it."""
        key = sighting.key
        action = self._action(sighting)
        recorded = leaks.record(
            connection,
            told.audit,
            key,
            sighting.evidence,
            action=action,
            receipt_id=told.receipt_id,
            actor=told.actor,
            at=told.at,
            origin=told.origin,
        )
        changed = self._act(connection, key, action, told)
        if changed:
            told.changed.append(action)
            _log.info("leaked_key_dealt_with", key=key.id, action=action, by=told.actor)
            _claim(connection, recorded, told.receipt_id)
        if self._store.settings.dry_run:
            return False
        return changed or (recorded.new_leak and action == "notify")

    def _action(self, sighting: Sighting) -> LeakAction:
        settings, key = self._store.settings, sighting.key
        policy = settings.key_type(key.prefix)
        action = policy.on_leak_private if sighting.private else policy.on_leak
        if settings.dry_run and action != "notify":
            _log.warning("dry_run_spares_leaked_key", key=key.id, action=action)
            return "notify"
        return action

    def _act(self, connection: Connection, key: Key, action: LeakAction, told: "_Told") -> bool:
        """Change the key as the policy says; False where it was so, or worse, already."""
        reason = f"leaked, reported by {told.actor}"
        if action == "revoke":
            return lifecycle.revoke(
                connection,
                told.audit,
                key.id,
                reason=reason,
                evidence={"receipt": told.receipt_id, "reported_by": told.actor},
                actor=told.actor,
                at=told.at,
                origin=told.origin,
            )
        if action == "quarantine":
            return lifecycle.quarantine(
                connection,
                told.audit,
                key.id,
                allowed=self._store.settings.key_type(key.prefix).quarantine_scopes,
                reason=reason,
                actor=told.actor,
                at=told.at,
                origin=told.origin,
            )
        return False


def notice_job(receipt_id: str, owner_id: str) -> Job:
    """The job that tells one owner of what one receipt brought; its id makes it unique."""
    return Job(f"{NOTIFY}-{receipt_id}-{owner_id}", NOTIFY, (receipt_id, owner_id), line=owner_id)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is the same for all sightings of a transaction, and what was done in it."""

    audit: Appends
    receipt_id: str
    actor: str
    origin: str | None
    at: int
    changed: list[LeakAction]


class _Receipt:
    """The receipt of a delivery, replaced when it has been open for too long."""

    def __init__(self, opened: int) -> None:
        self.id = f"rcpt_{secrets.token_hex(8)}"
        self._opened = opened
        self._stored = False

    def current(self, connection: Connection, origin: str, at: int) -> "_Receipt":
        """This receipt, stored; or its successor if it is too old."""
        if self._stored and at - self._opened > _RECEIPT_LIFE:
            receipts.close_receipt(connection, self.id, at=at)
            return _Receipt(at).current(connection, origin, at)
        if not self._stored:
            receipts.open_receipt(connection, self.id, origin=origin, at=at)
            self._opened, self._stored = at, True
        return self


def _batches(sightings: Sequence[Sighting]) -> Iterator[tuple[Sequence[Sighting], bool]]:
    """Parts of at most `BATCH`, and whether it is the last; an owner's keys lie together."""
    kept = _kept(sightings)
    ordered = sorted(kept, key=lambda sighting: (sighting.key.owner_id, sighting.key.id))
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH], start + BATCH >= len(ordered)


def _kept(sightings: Sequence[Sighting]) -> Iterator[Sighting]:
    """Each sighting once, and no more of a key than an incident keeps places.

    A key in ten thousand places is not more dead for them, and its reporter waits for an answer.
    """
    places: defaultdict[tuple[str, bool, str], set[Evidence]] = defaultdict(set)
    for one in sightings:
        known = places[one.key.id, one.private, one.evidence.trust]
        if len(known) < EVIDENCE_MAX and one.evidence not in known:
            known.add(one.evidence)
            yield one


def _claim(connection: Connection, recorded: Recorded, receipt_id: str) -> None:
    """Let this receipt's notice tell of the leak, though an earlier receipt opened it.

    Happens where the policy was milder then, or the service only rehearsed (`dry_run`).
    """
    if recorded.new_leak:
        return
    where = leaks_table.c.id == recorded.leak.id
    values = {"receipt_id": receipt_id, "state": "open"}
    connection.execute(update(leaks_table).where(where).values(values))
