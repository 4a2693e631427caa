"""Mail over SMTP: one URL says where, how safely and as whom.

    smtp://host:25                 STARTTLS when the server offers it
    smtp://user:password@host:587  STARTTLS required and its certificate checked (not on loopback)
    smtp://host:587?starttls=required   the same without logging in
    smtps://user:password@host     TLS from the first byte

User and password are percent-encoded where they hold `:`, `@` or `/`.
"""

import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal
from urllib.parse import unquote, urlsplit

from keyfuse_rules import Secret
from keyfuse_webhook.errors import InvalidSetting, WebhookError

TIMEOUT = 10.0
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PERMANENT = 500

Encryption = Literal["when offered", "starttls", "tls"]


class NotDelivered(WebhookError):
    """The mail could not be handed over now; it is worth trying again."""


class Refused(WebhookError):
    """The mail server will never take this mail for this recipient."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, as the URL says."""

    host: str
    port: int
    encryption: Encryption
    user: str | None
    password: Secret | None = field(repr=False)

    def send(self, mail: EmailMessage) -> None:
        """Hand one mail over; when this returns the server has taken responsibility for it.

        Raises:
            NotDelivered: Server unreachable, busy, misconfigured: try again.
            Refused: The recipient or the message was refused for good (5xx).
        """
        try:
            self._hand_over(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise _outcome("the recipient was refused", code) from None
        except smtplib.SMTPDataError as error:
            raise _outcome("the message was refused", error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise Refused("the mail server cannot take this recipient's address") from None
        except smtplib.SMTPResponseException as error:
            # A refused sender or login is ours to repair: the mail waits for it.
            name = type(error).__name__
            raise NotDelivered(f"{name}: the server answered {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotDelivered(f"{type(error).__name__} at {self.host}:{self.port}") from None

    def _hand_over(self, mail: EmailMessage) -> None:
        server = self._connected()
        try:
            server.send_message(mail)
        except BaseException:
            server.close()
            raise
        # The server has the mail; a bad goodbye is no reason to send it again.
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()

    def _connected(self) -> smtplib.SMTP:
        # Given, because asking for the fully qualified name may wait for a name server.
        name = socket.gethostname()
        if self.encryption == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, name, timeout=TIMEOUT, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, name, timeout=TIMEOUT)
        try:
            self._secure(server)
            if self.user is not None and self.password is not None:
                server.login(self.user, self.password.reveal())
        except smtplib.SMTPNotSupportedError:
            # Ours or the server's to repair, like a refused login: the mail waits for it.
            server.close()
            raise NotDelivered("the mail server offers no STARTTLS, or no login") from None
        except BaseException:
            server.close()
            raise
        return server

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self.encryption == "starttls":
            server.starttls(context=ssl.create_default_context())
        elif self.encryption == "when offered" and server.has_extn("starttls"):
            server.starttls(context=_unchecked())


def parse_url(url: str) -> MailServer:
    """Read the mail server's URL.

    Raises:
        InvalidSetting: Unknown scheme, no host, a bad port; the URL itself is never quoted.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise InvalidSetting("KEYFUSE_SMTP_URL: not a URL with a valid port") from None
    if scheme not in _DEFAULT_PORTS or not host:
        raise InvalidSetting("KEYFUSE_SMTP_URL: write smtp:// or smtps:// and a host name")
    user = unquote(parts.username) if parts.username else None
    password = Secret(unquote(parts.password)) if parts.password else None
    required = parts.query == "starttls=required" or (user is not None and host not in _LOOPBACK)
    encryption: Encryption = "starttls" if required else "when offered"
    if scheme == "smtps":
        encryption = "tls"
    return MailServer(host, port or _DEFAULT_PORTS[scheme], encryption, user, password)


def _unchecked() -> ssl.SSLContext:
    """Encryption against listeners only: the fallback is plain text, so a check protects nobody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _outcome(what: str, code: int) -> WebhookError:
    kind = Refused if code >= _PERMANENT else NotDelivered
    return kind(f"{what} ({code})")
