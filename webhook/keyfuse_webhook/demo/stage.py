"""What the story is played on: a folder, a stand-in for GitHub, a mail sink, the real service."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import httpx

from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.mail_sink import MailSink, free_port
from keyfuse_webhook.standin import StandInGitHub

_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.02


class DemoFailed(WebhookError):
    """The story did not go as it must; the message says which step and how."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the steps of the story act on."""

    folder: Path
    github: StandInGitHub
    mail: MailSink
    service: str
    environment: dict[str, str]

    @classmethod
    @contextmanager
    def built(cls, folder: Path) -> "Iterator[Stage]":
        """Set the stage up below `folder`, and take it down whatever happens."""
        with StandInGitHub() as github, MailSink() as mail:
            environment = _environment(folder, github, mail)
            port = free_port()
            try:
                with _serving(port, environment, folder / "service.log"):
                    yield cls(folder, github, mail, f"http://127.0.0.1:{port}", environment)
            finally:
                _write_mails(folder / "mail", mail)

    def run(
        self, *command: str, cwd: Path | None = None, stdin: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command as a user would, and return what it printed and its exit code."""
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )

    def keyfuse(
        self, *arguments: str, cwd: Path | None = None, stdin: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run the keyfuse that is installed beside this Python."""
        return self.run(sys.executable, "-m", "keyfuse_scanner", *arguments, cwd=cwd, stdin=stdin)

    def mails(self, count: int) -> list[EmailMessage]:
        """Wait until so many mails have arrived, and return them, oldest first.

        Raises:
            DemoFailed: They did not arrive.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if len(self.mail.mails) >= count:
                return self.mail.mails
            time.sleep(_POLL_SECONDS)
        raise DemoFailed(f"no mail arrived within {_PATIENCE_SECONDS:.0f} s")


@contextmanager
def _serving(port: int, environment: dict[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "keyfuse_scanner", "serve", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}/readyz")
        yield
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(_POLL_SECONDS)
    raise DemoFailed("the service did not become ready")


def _environment(folder: Path, github: StandInGitHub, mail: MailSink) -> dict[str, str]:
    """Return the user's environment without their own keyfuse and git settings, and with ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KEYFUSE_", "GIT_"))
    }
    home = folder / "home"
    home.mkdir(exist_ok=True)
    tools = str(Path(sys.executable).parent)
    return kept | {
        "PATH": tools + os.pathsep + kept.get("PATH", ""),
        "HOME": str(home),
        "KEYFUSE_HOME": str(folder / "keyfuse"),
        "KEYFUSE_SMTP_URL": mail.url,
        "KEYFUSE_MAIL_FROM": "keyfuse@example.com",
        "KEYFUSE_GITHUB_PARTNER_KEYS_URL": github.keys_url,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
    }


def _write_mails(folder: Path, sink: MailSink) -> None:
    folder.mkdir(exist_ok=True)
    for number, mail in enumerate(sink.mails, start=1):
        (folder / f"{number}.eml").write_bytes(mail.as_bytes())
