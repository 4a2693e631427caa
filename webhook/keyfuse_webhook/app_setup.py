"""Making the GitHub App: a page with a button, the code that comes back, and two files.

The page is served on loopback, and only until the code has come.
"""

import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from keyfuse_webhook.app_manifest import form, is_code, manifest
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.github_api import GitHubApi

KEY_FILE = "github-app.pem"
SECRET_FILE = "github-webhook-secret"  # noqa: S105 - the name of a file
_BACK = "/created"


class SetupFailed(WebhookError):
    """The App cannot be made, or what GitHub gave cannot be kept."""


class Wanted(NamedTuple):
    """Which App to make.

    Attributes:
        server: Where, from our settings.
        organization: Who is to own it; None for whoever presses the button.
    """

    server: str
    base_url: str
    name: str
    organization: str | None
    issues: bool

    def page(self, redirect_url: str, state: str) -> str:
        """The page with the button."""
        document = manifest(
            name=self.name, base_url=self.base_url, redirect_url=redirect_url, issues=self.issues
        )
        return form(document, server=self.server, organization=self.organization, state=state)


class Made(NamedTuple):
    """The App that was made.

    Attributes:
        page: Where it is on GitHub.
        key_file, secret_file: What was kept, readable by the owner alone.
    """

    id: str
    page: str
    key_file: Path
    secret_file: Path


class CodeServer:
    """Serves the page on a port of loopback, and waits for the browser to come back."""

    def __init__(self, wanted: Wanted, port: int) -> None:
        self._state = secrets.token_urlsafe(16)
        self._code: str | None = None
        self._came = threading.Event()
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise SetupFailed(
                f"cannot listen on 127.0.0.1, port {port}: {error.strerror}"
            ) from None
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.page = wanted.page(self.url + _BACK, self._state)

    @contextmanager
    def running(self) -> Iterator["CodeServer"]:
        """Serve while the block lasts."""
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def wait(self, seconds: float) -> str:
        """Return the code.

        Raises:
            SetupFailed: It did not come in time.
        """
        if not self._came.wait(seconds) or self._code is None:
            raise SetupFailed("nobody came back from GitHub; start again when you are ready")
        return self._code

    def take(self, query: str) -> bool:
        """Take the code from the address the browser was sent to, if it is the answer to ours."""
        given = parse_qs(query)
        code, state = given.get("code", [""])[0], given.get("state", [""])[0]
        if not is_code(code) or not secrets.compare_digest(state.encode(), self._state.encode()):
            return False
        self._code = code
        self._came.set()
        return True


def exchange(api: GitHubApi, code: str, home: Path) -> Made:
    """Turn the code into the App's key and secret, and keep them in files of the owner's alone.

    A code is good once: the files are made before it is used.

    Raises:
        SetupFailed: The files are there already or cannot be made, or the answer lacks something.
        ApiRefused: GitHub does not know the code (any more).
        TryAgain: GitHub cannot be asked right now.
    """
    if not is_code(code):
        raise SetupFailed("that is no code of GitHub's; copy what follows `code=` in the address")
    with _new_files(home / KEY_FILE, home / SECRET_FILE) as (key, secret):
        given = api.call("POST", f"/app-manifests/{code}/conversions", None)
        key.write(_text(given, "pem"))
        secret.write(_text(given, "webhook_secret") + "\n")
        number = given.get("id")
        if type(number) is not int:
            raise SetupFailed("GitHub's answer lacks the App's id")
        return Made(
            str(number), str(given.get("html_url", "")), home / KEY_FILE, home / SECRET_FILE
        )


@contextmanager
def _new_files(*paths: Path) -> Iterator[list[IO[str]]]:
    """Files that were not there before; they are gone again if the block fails."""
    made: list[Path] = []
    files: list[IO[str]] = []
    try:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.append(_private(path))
            made.append(path)
        yield files
    except OSError as error:
        _undo(made)
        raise SetupFailed(f"{error.filename}: {error.strerror}; nothing was made") from None
    except BaseException:
        _undo(made)
        raise
    finally:
        for file in files:
            file.close()


def _private(path: Path) -> IO[str]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _undo(paths: list[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _text(given: Any, name: str) -> str:
    value = given.get(name) if isinstance(given, Mapping) else None
    if not isinstance(value, str) or not value:
        raise SetupFailed(f"GitHub's answer lacks {name}")
    return value


def _handler(codes: CodeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/":
                self._say(200, codes.page)
            elif parts.path == _BACK and codes.take(parts.query):
                self._say(200, "<!doctype html><p>Done. Go on in the terminal.")
            else:
                self._say(404, "<!doctype html><p>Start at <a href='/'>the beginning</a>.")

        def log_message(self, *_: object) -> None:
            """The code stands in the address."""

        def _say(self, status: int, page: str) -> None:
            body = page.encode("utf-8")
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(body)

    return Handler
