"""A real SMTP server that keeps what it is given, for the demonstration and for tests."""

import socket
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Answer = Callable[[Envelope], str]


class MailSink:
    """Takes mail on a port of 127.0.0.1 until it is closed.

    Attributes:
        mails: What was accepted, oldest first.
        answer: Decides on each mail: the SMTP reply; nothing is kept unless it begins with 2.
    """

    def __init__(self, port: int | None = None, answer: Answer = lambda _: "250 kept") -> None:
        self.mails: list[EmailMessage] = []
        self.answer = answer
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=port or free_port(),
            # Given, because finding one out may wait for a name server.
            server_hostname="sink.invalid",
        )

    @property
    def url(self) -> str:
        """What to set KEYFUSE_SMTP_URL to."""
        return f"smtp://127.0.0.1:{self._controller.port}"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it by this name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep one mail, or refuse it as told."""
        reply = self.answer(envelope)
        if reply.startswith("2"):
            self.mails.append(_parsed(envelope))
        return reply

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _parsed(envelope: Envelope) -> EmailMessage:
    content = envelope.content or b""
    raw = content.encode("utf-8") if isinstance(content, str) else content
    mail = message_from_bytes(raw, policy=policy.default)
    if not isinstance(mail, EmailMessage):
        raise TypeError("the default policy parses into an EmailMessage")
    return mail
