"""Telling an owner before keys end: the hourly look, the job it enqueues, and the mail.

Looking marks the keys and enqueues one job for each owner in the same transaction: whatever
crashes, and however many services look, each key is warned of once.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import structlog
from sqlalchemy import Connection

from keyfuse_store import KeyNotFound, KeyStore, StoreError, audit, keys
from keyfuse_store.expiry import take_expiring
from keyfuse_store.model import Key
from keyfuse_store.times import from_micros
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.message import one_line
from keyfuse_webhook.notifiers.mail import (
    DEFAULT_SENDER,
    NO_MAIL_SERVER,
    mail_server,
    message_id,
)
from keyfuse_webhook.smtp import NotDelivered, Refused

WARN = "warn-of-expiry"
WITHIN = timedelta(days=14)
EVERY = timedelta(hours=1)
# Arguments of a job stay a page or two; a further look takes what is left.
_BATCH = 200

NOTHING_TO_TELL = "every one of the keys was renewed, ended or died meanwhile"

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


class ExpiryWatch:
    """Looks for keys about to end, now and every hour, and notes the head of the audit record."""

    def __init__(self, store: KeyStore, enqueue: Callable[[Connection, Job], None]) -> None:
        self._store = store
        self._enqueue = enqueue
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="expiry-watch", daemon=True)

    def start(self) -> None:
        """Begin to look; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the look that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                found = look(self._store, self._enqueue)
                if found:
                    _log.info("keys_about_to_end", keys=found)
                with self._store.read() as connection:
                    audit.note_head(connection)
            except StoreError as error:
                _log.warning("expiry_not_looked_for", reason=str(error))
            self._stopping.wait(EVERY.total_seconds())


class ExpiryWarnings:
    """Mails the owner of keys that are about to end."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._server = mail_server(store.settings)
        self._sender = store.settings.mail_from or DEFAULT_SENDER

    def handler(self) -> Handler:
        """This as the job worker wants it; the mail and the database wait in a thread."""

        async def attempt(job: Job) -> Outcome:
            return await asyncio.to_thread(self.tell, job)

        async def conclude(job: Job, outcome: Outcome) -> None:
            if outcome.state == "undeliverable":
                _log.warning("owner_not_warned", job=job.id, reason=outcome.reason)

        return Handler(attempt, conclude)

    def tell(self, job: Job) -> Outcome:
        """Send the mail.

        Raises:
            TryAgain: The mail server did not take it.
        """
        ending = self._still_ending(job.arguments)
        if not ending:
            return Outcome("done", NOTHING_TO_TELL)
        if self._server is None:
            return Outcome("undeliverable", NO_MAIL_SERVER)
        mail = compose(ending, sender=self._sender, message_id=message_id(job.id, self._sender))
        mail["Date"] = format_datetime(from_micros(self._store.clock()))
        try:
            self._server.send(mail)
        except NotDelivered as error:
            raise TryAgain(str(error)) from None
        except Refused as error:
            return Outcome("undeliverable", str(error))
        return Outcome("done")

    def _still_ending(self, key_ids: Sequence[str]) -> list[Key]:
        """What the mail is about: a job may have waited for days."""
        now = self._store.clock()
        found = []
        with self._store.read() as connection:
            for key_id in key_ids:
                try:
                    key = keys.get(connection, key_id)
                except KeyNotFound:
                    continue
                ending = key.expires_us is not None and key.expires_us > now
                if ending and key.state != "revoked" and key.successor_id is None:
                    found.append(key)
        return found


def compose(ending: Sequence[Key], *, sender: str, message_id: str) -> EmailMessage:
    """Write the mail about the keys of one owner, soonest end first; it has no date yet."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ending[0].owner
    first = ending[0]
    one = f"API key {one_line(first.name, 60)} ({first.prefix}, {first.id})"
    what = f"{one} ends" if len(ending) == 1 else f"{len(ending)} of your API keys end"
    mail["Subject"] = f"{what} on {first.expires:%Y-%m-%d}" if len(ending) == 1 else f"{what} soon"
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join([_OPENING, *map(_paragraph, ending), _CLOSING]) + "\n")
    return mail


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
_CLOSING = "This mail was sent by keyfuse. It never contains a key, and never asks you for one."
