"""A run of a workflow as GitHub starts it: a checkout like that of `actions/checkout`, an event."""

import base64
import json
import subprocess
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from keyfuse_scanner.action.running import run
from support.githttp import GitServer, Remote

ZERO = "0" * 40


class Step(NamedTuple):
    """What the step did: exit code, log, summary, outputs."""

    code: int
    log: str
    summary: str
    outputs: dict[str, str]


class Workflow:
    """One run of a workflow in the repository of a server.

    Keys stand in the workspace only; the hunt looks into the folder, where the outcome goes.
    """

    def __init__(self, server: GitServer, remote: Remote, workspace: Path, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.workspace = workspace
        self.remote = remote
        folder.mkdir(parents=True)

    def check_out(self, commit: str, *options: str, ref: str = "refs/remotes/origin/main") -> None:
        """Check out a commit, as deep as `actions/checkout` does by itself."""
        url = f"{self.server.url}/{self.remote.name}.git"
        subprocess.run(["git", "init", "-q", str(self.workspace)], check=True)
        self.git("remote", "add", "origin", url)
        header = "http.extraheader=Authorization: Basic " + _basic(self.server.token)
        self.git(
            "-c", header, "fetch", "-q", "--no-tags", "--prune", "--no-recurse-submodules",
            *(options or ("--depth=1",)), "origin", f"+{commit}:{ref}",
        )  # fmt: skip
        self.git("checkout", "-q", "--detach", commit)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.workspace, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def environment(
        self, event: str, payload: Mapping[str, Any], sha: str, **inputs: str
    ) -> dict[str, str]:
        """The variables of the runner; its files are made."""
        (self.folder / "event.json").write_text(json.dumps(payload))
        for name in ("summary", "outputs"):
            (self.folder / name).write_text("")
        return {
            "GITHUB_API_URL": "http://127.0.0.1:9",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "outputs"),
            "GITHUB_REF": str(payload.get("ref") or "refs/heads/main"),
            "GITHUB_REPOSITORY": self.remote.name,
            "GITHUB_SERVER_URL": self.server.url,
            "GITHUB_SHA": sha,
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.folder),
        } | inputs

    def run(self, event: str, payload: Mapping[str, Any], sha: str, **inputs: str) -> Step:
        """Run the step in this process."""
        log = StringIO()
        code = run(self.environment(event, payload, sha, **inputs), log)
        lines = (self.folder / "outputs").read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        return Step(code, log.getvalue(), (self.folder / "summary").read_text(), outputs)


def pull_request(base: str, head: str, **changes: Any) -> dict[str, Any]:
    """The parts of a pull request's event that matter."""
    return {
        "action": "synchronize",
        "number": 7,
        "pull_request": {
            "base": {"sha": base, "ref": "main"},
            "head": {"sha": head, "ref": "topic", "repo": {"fork": True}},
            "commits": 1,
        },
        "repository": {"default_branch": "main"},
    } | changes


def _basic(token: str | None) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()
