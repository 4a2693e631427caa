"""Telling the owner by mail: plain text and HTML of the same words."""

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from keyfuse_store.settings import Settings
from keyfuse_webhook import message, message_html
from keyfuse_webhook.jobs_model import Outcome, TryAgain
from keyfuse_webhook.notifiers.interface import Notice, Notifier
from keyfuse_webhook.smtp import MailServer, NotDelivered, Refused, parse_url

DEFAULT_SENDER = "keyfuse@localhost"
NO_MAIL_SERVER = "no mail server is configured (KEYFUSE_SMTP_URL)"


def open_notifier(settings: Settings) -> Notifier | None:
    """Mail through the server that the settings name, if they do.

    Raises:
        InvalidSetting: It is no URL of a mail server.
    """
    server = mail_server(settings)
    if server is None:
        return None
    return Mail(server, settings.mail_from or DEFAULT_SENDER, settings.fallback_owner)


def mail_server(settings: Settings) -> MailServer | None:
    """The mail server that the settings name, if they do."""
    return None if settings.smtp_url is None else parse_url(settings.smtp_url.reveal())


class Mail:
    """Mails the owner; whoever answers for lost owners where that is refused for good.

    Args:
        sender: An address, or `Name <address>`.
        fallback: Who is told when the owner cannot be.
    """

    def __init__(self, server: MailServer, sender: str, fallback: str | None) -> None:
        self._server = server
        self._sender = sender
        self._fallback = fallback

    def deliver(self, notice: Notice) -> Outcome:
        """Send one mail.

        Raises:
            TryAgain: The mail server did not take it.
        """
        try:
            self._send(notice, notice.address)
        except Refused as error:
            return self._to_fallback(notice, str(error))
        return Outcome("done")

    def _to_fallback(self, notice: Notice, why: str) -> Outcome:
        """An address that no longer exists must not keep the leak from being known."""
        if self._fallback is None or self._fallback == notice.address:
            return Outcome("undeliverable", why)
        try:
            self._send(notice, self._fallback)
        except Refused as error:
            return Outcome("undeliverable", f"{why}; fallback: {error}")
        return Outcome("done", f"{why}; the fallback address was told")

    def _send(self, notice: Notice, recipient: str) -> None:
        try:
            self._server.send(compose(notice, sender=self._sender, recipient=recipient))
        except NotDelivered as error:
            raise TryAgain(str(error)) from None


def compose(notice: Notice, *, sender: str, recipient: str) -> EmailMessage:
    """Write the mail about one delivery's leaked keys of one owner."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = message.subject(notice.keys)
    mail["Date"] = format_datetime(notice.now)
    mail["Message-ID"] = message_id(notice.id, sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.plain(notice.keys))
    mail.add_alternative(message_html.html(notice.keys), subtype="html")
    return mail


def message_id(notice_id: str, sender: str) -> str:
    """The same for every attempt, so that mail software sees a repetition as one."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{notice_id}@{domain}>"
