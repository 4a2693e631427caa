"""Telling an owner that a key of theirs was rotated in the portal: the job, and the mail."""

import asyncio
from email.message import EmailMessage
from email.utils import format_datetime

import structlog

from keyfuse_store import KeyStore
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

ROTATED = "tell-of-rotation"

_log = structlog.get_logger(__name__)


def rotated_job(predecessor: Key, successor: Key) -> Job:
    """The job that tells of one rotation."""
    ids = (predecessor.id, successor.id)
    return Job(f"{ROTATED}-{successor.id}", ROTATED, ids, line=successor.owner_id)


class RotationNotices:
    """Mails the owner of a key that was rotated."""

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
                _log.warning("owner_not_told_of_rotation", job=job.id, reason=outcome.reason)

        return Handler(attempt, conclude)

    def tell(self, job: Job) -> Outcome:
        """Send the mail.

        Raises:
            TryAgain: The mail server did not take it.
        """
        if self._server is None:
            return Outcome("undeliverable", NO_MAIL_SERVER)
        predecessor, successor = (self._store.get(key_id) for key_id in job.arguments)
        mail = compose(
            predecessor,
            successor,
            sender=self._sender,
            message_id=message_id(job.id, self._sender),
        )
        try:
            self._server.send(mail)
        except NotDelivered as error:
            raise TryAgain(str(error)) from None
        except Refused as error:
            return Outcome("undeliverable", str(error))
        return Outcome("done")


def compose(predecessor: Key, successor: Key, *, sender: str, message_id: str) -> EmailMessage:
    """Write the mail; no key is in it."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = successor.owner
    name = one_line(successor.name, 60)
    mail["Subject"] = f"API key {name} ({successor.prefix}, {predecessor.id}) was rotated"
    mail["Date"] = format_datetime(from_micros(successor.created_us))
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    until = predecessor.overlap_until
    mail.set_content(
        f"An API key of yours was rotated in the portal.\n\n"
        f"Name:    {one_line(successor.name)}\n"
        f"Old key: {predecessor.id} ({predecessor.prefix})"
        f"{f', works until {until:%Y-%m-%d %H:%M:%S} UTC' if until else ''}\n"
        f"New key: {successor.id} ({successor.prefix})\n\n"
        f"If that was not you, have both revoked by whoever runs keyfuse:\n"
        f"  keyfuse keys revoke {predecessor.id} --reason rotated-by-somebody-else\n"
        f"  keyfuse keys revoke {successor.id} --reason rotated-by-somebody-else\n\n"
        f"This mail was sent by keyfuse. It never contains a key, and never asks you for one.\n"
    )
    return mail
