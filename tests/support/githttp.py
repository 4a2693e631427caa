"""A real git server: `git http-backend` behind a small CGI server of ours, on loopback.

What git says and sends is git's own; only the HTTP around it is ours. It stands in for GitHub's
git endpoint: any object may be asked for by its id, private repositories want a token.
"""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class GitServer:
    """Serves the bare repositories below a folder.

    Attributes:
        token: What `x-access-token` must bring; None for public repositories.
        status: Answer everything with this; None to serve.
        redirect: Send everybody there; None to serve.
        authorizations: The Authorization header of each request.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token: str | None = None
        self.status: int | None = None
        self.redirect: str | None = None
        self.authorizations: list[str | None] = []
        self.paths: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        """What to set KEYFUSE_GITHUB_SERVER_URL to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> "Iterator[GitServer]":
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def repository(self, name: str = "acme/app") -> "Remote":
        """Make a repository, and a clone to push from."""
        return Remote(self.folder / f"{name}.git", self.folder / "work" / name, name)


class Remote:
    """A repository on the server, and somebody's clone of it."""

    def __init__(self, bare: Path, work: Path, name: str) -> None:
        self.bare, self.work, self.name = bare, work, name
        work.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
        _git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
        _git(bare, "config", "uploadpack.allowFilter", "true")
        _git(work, "init", "-q", "-b", "main")
        _git(work, "remote", "add", "origin", str(bare))

    def git(self, *arguments: str) -> str:
        return _git(self.work, *arguments)

    def commit(self, message: str = "a change", **files: str) -> str:
        """Commit files (`a_txt` is `a.txt`); return the commit's id."""
        for name, content in files.items():
            path = self.work / name.replace("_", ".")
            path.write_text(content)
            _git(self.work, "add", "-f", "--", path.name)
        _git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        return _git(self.work, "rev-parse", "HEAD")

    def commits(self, number: int, file: str = "b.txt") -> None:
        """Make many commits at once; each changes one file."""
        branch = self.git("symbolic-ref", "HEAD")
        feed = ""
        for count in range(number):
            content = f"{number} {count}\n"
            feed += f"commit {branch}\ncommitter Ada <ada@example.com> {count} +0000\n"
            feed += f"data 4\nmany\n{f'from {branch}^0' if count == 0 else ''}\n".replace(
                "\n\n", "\n"
            )
            feed += f"M 100644 inline {file}\ndata {len(content)}\n{content}\n"
        subprocess.run(
            ["git", "fast-import", "--quiet"], cwd=self.work, input=feed, text=True,
            check=True,
        )  # fmt: skip
        self.git("reset", "-q", "--hard")

    def push(self, *refspecs: str) -> None:
        _git(self.work, "push", "-q", "--force", "origin", *(refspecs or ("HEAD",)))


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            server.authorizations.append(self.headers.get("Authorization"))
            server.paths.append(path)
            if server.redirect is not None:
                self.send_response(301)
                self.send_header("Location", server.redirect + self.path)
                self.end_headers()
            elif server.status is not None:
                self.send_error(server.status)
            elif server.token is not None and not self._may():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
            else:
                self._backend(path, query, body)

        def _may(self) -> bool:
            expected = base64.b64encode(f"x-access-token:{server.token}".encode()).decode()
            return self.headers.get("Authorization") == f"Basic {expected}"

        def _backend(self, path: str, query: str, body: bytes) -> None:
            environment = dict(os.environ) | {
                "GIT_PROJECT_ROOT": str(server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=environment, capture_output=True,
                check=False,
            )  # fmt: skip
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
            headers = dict(lines)
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
