"""Telling an owner: what a notice job does, from the leaks of a receipt to a mail handed over."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr

from sqlalchemy import Connection

from keyfuse_store import KeyStore, keys, leaks, owners, receipts
from keyfuse_store.leaks import Evidence, Leak, LeakState
from keyfuse_store.times import SECOND, from_micros
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.message import LeakedKey, Place, compose
from keyfuse_webhook.smtp import MailServer, NotDelivered, Refused, parse_url

# A delivery that broke off (its process died) leaves its receipt open: what is there is told.
LONGEST_OPEN = 30 * SECOND
DEFAULT_SENDER = "keyfuse@localhost"
_PAGE = 500

NO_MAIL_SERVER = "no mail server is configured (KEYFUSE_SMTP_URL)"
NOTHING_TO_TELL = "nothing was left to tell"


@dataclass(frozen=True, slots=True)
class _Notice:
    """Whom to tell, and of what."""

    address: str
    keys: tuple[LeakedKey, ...]


class OwnerNotices:
    """Mails the owner of the keys that leaked in one delivery, once."""

    def __init__(self, store: KeyStore) -> None:
        settings = store.settings
        self._store = store
        self._server = mail_server(store)
        self._sender = settings.mail_from or DEFAULT_SENDER
        self._fallback = settings.fallback_owner

    def handler(self) -> Handler:
        """This as the job worker wants it; the mail and the database wait in a thread."""

        async def attempt(job: Job) -> Outcome:
            return await asyncio.to_thread(self.tell, job)

        async def conclude(job: Job, outcome: Outcome) -> None:
            await asyncio.to_thread(self.conclude, job, outcome)

        return Handler(attempt, conclude)

    def tell(self, job: Job) -> Outcome:
        """Send the mail.

        Raises:
            TryAgain: The delivery is still coming in, or the mail server did not take the mail.
        """
        notice = self._notice(*job.arguments)
        if notice is None:
            return Outcome("done", NOTHING_TO_TELL)
        if self._server is None:
            return Outcome("undeliverable", NO_MAIL_SERVER)
        return self._send(self._server, job, notice)

    def conclude(self, job: Job, outcome: Outcome) -> None:
        """Write to each leak and to the audit record how it went."""
        receipt_id, owner_id = job.arguments
        state: LeakState = "notified" if outcome.state == "done" else "undeliverable"
        with self._store.begin() as connection:
            marked = [
                leak.key_id
                for leak in _leaks(connection, receipt_id, owner_id)
                if leak.state == "open" and leaks.mark(connection, leak.id, state)
            ]
            if marked:
                self._store.audit.append(
                    connection,
                    action=f"owner.{state}",
                    actor="keyfuse",
                    subject=owner_id,
                    at=self._store.clock(),
                    detail={"receipt": receipt_id, "keys": marked, "reason": outcome.reason},
                )

    def _notice(self, receipt_id: str, owner_id: str) -> _Notice | None:
        with self._store.read() as connection:
            receipt = receipts.get(connection, receipt_id)
            now = self._store.clock()
            if receipt and receipt.closed_us is None and now - receipt.opened_us < LONGEST_OPEN:
                raise TryAgain("the delivery is still coming in")
            found = list(_leaks(connection, receipt_id, owner_id))
            if not found:
                return None
            address = owners.get(connection, owner_id).email
            return _Notice(address, tuple(_leaked_key(connection, leak) for leak in found))

    def _send(self, server: MailServer, job: Job, notice: _Notice) -> Outcome:
        try:
            server.send(self._mail(job, notice, notice.address))
        except NotDelivered as error:
            raise TryAgain(str(error)) from None
        except Refused as error:
            return self._send_to_fallback(server, job, notice, str(error))
        return Outcome("done")

    def _send_to_fallback(self, server: MailServer, job: Job, notice: _Notice, why: str) -> Outcome:
        """An owner's address that no longer exists must not keep the leak from being known."""
        if self._fallback is None or self._fallback == notice.address:
            return Outcome("undeliverable", why)
        try:
            server.send(self._mail(job, notice, self._fallback))
        except NotDelivered as error:
            raise TryAgain(str(error)) from None
        except Refused as error:
            return Outcome("undeliverable", f"{why}; fallback: {error}")
        return Outcome("done", f"{why}; the fallback address was told")

    def _mail(self, job: Job, notice: _Notice, recipient: str) -> EmailMessage:
        return compose(
            notice.keys,
            sender=self._sender,
            recipient=recipient,
            message_id=message_id(job.id, self._sender),
            now=from_micros(self._store.clock()),
        )


def message_id(job_id: str, sender: str) -> str:
    """The same for every attempt at a job, so that mail software sees a repetition as one."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{job_id}@{domain}>"


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


def _leaked_key(connection: Connection, leak: Leak) -> LeakedKey:
    key = keys.get(connection, leak.key_id)
    kept = leaks.evidence_of(connection, leak.id)
    return LeakedKey(
        key_id=key.id,
        prefix=key.prefix,
        name=key.name,
        owner=key.owner,
        scopes=key.scopes,
        first_seen=from_micros(leak.first_seen_us),
        died=key.revoked,
        action=leak.action,
        places=tuple(_place(one.evidence) for one in kept),
        leak_id=leak.id,
    )


def _place(evidence: Evidence) -> Place:
    verified = evidence.trust != "possession"
    return Place(evidence.origin, evidence.source, evidence.url, verified)


def mail_server(store: KeyStore) -> MailServer | None:
    """The mail server that the settings name, if they do."""
    url = store.settings.smtp_url
    return None if url is None else parse_url(url.reveal())
