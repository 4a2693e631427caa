"""Telling an owner before keys end: the hourly look, the job it enqueues, and the letter.

Looking marks the keys and enqueues one job for each owner in the same transaction: whatever
crashes, and however many services look, each key is warned of once.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from keyfuse_store import KeyNotFound, KeyStore, StoreError, audit, keys
from keyfuse_store.expiry import take_expiring
from keyfuse_store.model import Key
from keyfuse_webhook.jobs_model import Job
from keyfuse_webhook.message import one_line
from keyfuse_webhook.owner_mail import Letter
from keyfuse_webhook.watch import Watch

WARN = "warn-of-expiry"
WITHIN = timedelta(days=14)
EVERY = timedelta(hours=1)
# Arguments of a job stay a page or two; a further look takes what is left.
_BATCH = 200
_NAME_MAX = 60

_log = structlog.get_logger(__name__)


def look(store: KeyStore, enqueue: Callable[[Connection, Job], None]) -> int:
    """Enqueue a warning for each owner of keys about to end; gives the number of keys.

    Raises:
        DatabaseError: Nothing of the last batch was marked or enqueued.
    """
    found = 0
    while True:
        at = store.clock()
        with store.begin() as connection:
            due = take_expiring(connection, store.audit, at=at, within=WITHIN, limit=_BATCH)
            for owner_id, expiring in due:
                ids = tuple(key.id for key in expiring)
                job = Job(f"{WARN}-{owner_id}-{ids[0]}-{at}", WARN, ids, line=owner_id)
                enqueue(connection, job)
        found += sum(len(one.keys) for one in due)
        if not due:
            return found


def expiry_watch(store: KeyStore, enqueue: Callable[[Connection, Job], None]) -> Watch:
    """What looks for keys about to end every hour, and notes the head of the audit record."""

    def once() -> None:
        try:
            found = look(store, enqueue)
            if found:
                _log.info("keys_about_to_end", keys=found)
            with store.read() as connection:
                audit.note_head(connection)
        except StoreError as error:
            _log.warning("expiry_not_looked_for", reason=str(error))

    return Watch("expiry-watch", EVERY, once)


def letter(store: KeyStore, job: Job) -> Letter | None:
    """What is told of the keys of one owner, soonest end first."""
    ending = _still_ending(store, job.arguments)
    if not ending:
        return None
    first = ending[0]
    subject = f"{len(ending)} of your API keys end soon"
    if len(ending) == 1:
        what = f"API key {one_line(first.name, _NAME_MAX)} ({first.prefix}, {first.id})"
        subject = f"{what} ends on {first.expires:%Y-%m-%d}"
    return Letter(first.owner, subject, (_OPENING, *map(_paragraph, ending)))


def _still_ending(store: KeyStore, key_ids: Sequence[str]) -> list[Key]:
    """What the letter is about: a job may have waited for days."""
    now = store.clock()
    found = []
    with store.read() as connection:
        for key_id in key_ids:
            try:
                key = keys.get(connection, key_id)
            except KeyNotFound:
                continue
            ending = key.expires_us is not None and key.expires_us > now
            if ending and key.state != "revoked" and key.successor_id is None:
                found.append(key)
    return found


def _paragraph(key: Key) -> str:
    return "\n".join(
        [
            f"Key:    {key.id} ({key.prefix})",
            f"Name:   {one_line(key.name)}",
            f"Scopes: {', '.join(key.scopes) or 'none'}",
            f"Ends:   {key.expires:%Y-%m-%d %H:%M:%S} UTC",
            f"Renew:  keyfuse keys rotate {key.id} --expires 90d",
        ]
    )


_OPENING = "The following API keys of yours are about to end; requests with them will be refused."
