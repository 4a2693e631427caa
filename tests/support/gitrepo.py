"""Real git repositories for tests."""

import subprocess
from pathlib import Path


class GitRepo:
    """A repository in a folder; every method is one git command or one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *arguments: str | bytes, feed: bytes = b"", check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, input=feed, capture_output=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments[0]!r}: {done.stderr!r}")
        return done.stdout.decode().strip()

    def write(self, name: str | bytes, content: str | bytes) -> None:
        path = self.path / (
            name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def stage(self, name: str | bytes, content: str | bytes) -> None:
        self.write(name, content)
        self.git("add", "-f", "--", name)

    def commit(
        self, message: str = "a change", *, when: int | None = None, **files: str | bytes
    ) -> str:
        """Commit files (`a_txt` is `a.txt`) with what is staged; return the commit's id."""
        for name, content in files.items():
            self.stage(name.replace("_", "."), content)
        date = [] if when is None else ["--date", f"@{when} +0200"]
        self.git("commit", "--quiet", "--no-verify", "--allow-empty", *date, "-m", message)
        return self.git("rev-parse", "HEAD")

    def loose(self, object_id: str) -> Path:
        return self.path / ".git" / "objects" / object_id[:2] / object_id[2:]
