"""Mail to an owner about keys of theirs that did not leak, each by a durable job of its own.

What a kind of job has to say is a function from the job to a letter; leaks have more to say, and
more whom to tell (`notification`).
"""

import asyncio
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NamedTuple

import structlog

from keyfuse_store import KeyStore
from keyfuse_store.times import from_micros
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.notifiers.mail import (
    DEFAULT_SENDER,
    NO_MAIL_SERVER,
    mail_server,
    message_id,
)
from keyfuse_webhook.smtp import NotDelivered, Refused

NOTHING_TO_TELL = "there is nothing to tell any more"
_CLOSING = "This mail was sent by keyfuse. It never contains a key, and never asks you for one."

_log = structlog.get_logger(__name__)


class Letter(NamedTuple):
    """What is written to whom; no key is in it."""

    recipient: str
    subject: str
    paragraphs: tuple[str, ...]


class OwnerMail:
    """Sends the letters of one kind of job.

    Args:
        store: Where the keys are, and in its settings the mail server.
        write: The letter for a job; None where there is nothing to tell any more, since a job may
            have waited for days.
    """

    def __init__(self, store: KeyStore, write: Callable[[KeyStore, Job], Letter | None]) -> None:
        self._store = store
        self._write = write
        self._server = mail_server(store.settings)
        self._sender = store.settings.mail_from or DEFAULT_SENDER

    def handler(self) -> Handler:
        """This as the job worker wants it; the mail and the database wait in a thread."""

        async def attempt(job: Job) -> Outcome:
            return await asyncio.to_thread(self.tell, job)

        async def conclude(job: Job, outcome: Outcome) -> None:
            if outcome.state == "undeliverable":
                _log.warning("owner_not_told", job=job.id, kind=job.kind, reason=outcome.reason)

        return Handler(attempt, conclude)

    def tell(self, job: Job) -> Outcome:
        """Send the mail.

        Raises:
            TryAgain: The mail server did not take it.
        """
        letter = self._write(self._store, job)
        if letter is None:
            return Outcome("done", NOTHING_TO_TELL)
        if self._server is None:
            return Outcome("undeliverable", NO_MAIL_SERVER)
        try:
            self._server.send(self._mail(letter, job))
        except NotDelivered as error:
            raise TryAgain(str(error)) from None
        except Refused as error:
            return Outcome("undeliverable", str(error))
        return Outcome("done")

    def _mail(self, letter: Letter, job: Job) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = letter.recipient
        mail["Subject"] = letter.subject
        mail["Date"] = format_datetime(from_micros(self._store.clock()))
        mail["Message-ID"] = message_id(job.id, self._sender)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n\n".join([*letter.paragraphs, _CLOSING]) + "\n")
        return mail
