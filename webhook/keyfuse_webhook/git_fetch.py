"""The one place where git fetches: one URL, some ids, a token that only the environment holds.

https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
"""

import base64
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import git

from keyfuse_rules import Secret
from keyfuse_rules.redact import scrub
from keyfuse_webhook.errors import WebhookError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Seconds. Below the speed (bytes a second) for that long a connection counts as dead.
_TIMEOUT = 600.0
_SLOWEST, _PATIENCE = "1000", "30"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STDERR_KEPT = 300

_GONE = (
    "repository not found",
    "not found",
    "authentication failed",
    "could not read username",
    "invalid username or password",
    "invalid username or token",
    "the requested url returned error: 401",
    "the requested url returned error: 403",
    "the requested url returned error: 404",
    "the requested url returned error: 451",
    "access to this repository has been disabled",
)
_NO_SUCH_OBJECT = ("not our ref", "couldn't find remote ref", "no such remote ref", "bad object")


class FetchFailed(WebhookError):
    """The fetch broke off; it is worth trying again."""


class RepositoryGone(WebhookError):
    """There is no such repository, or it cannot be read any more."""


class NoSuchObject(WebhookError):
    """The repository does not have what was asked for (any more)."""


def fetch(
    mirror: Path,
    url: str,
    refspecs: "Sequence[str]",
    *,
    token: Secret | None = None,
    depth: int | None = None,
    prune: bool = False,
    timeout: float = _TIMEOUT,
) -> None:
    """Fetch into a bare repository.

    Args:
        mirror: The bare repository.
        url: Built from our settings and a validated name.
        refspecs: Built from object ids and our own words.
        token: Of the App's installation; without it the repository must be public.
        depth: How many generations of commits; None for as many as there are.
        prune: Drop the refs that the refspecs lead to and the server does not have (any more).
        timeout: Seconds after which the fetch is ended.

    Raises:
        FetchFailed: It may work later.
        RepositoryGone: It will not.
        NoSuchObject: The repository can be read, and lacks an object.
    """
    command = ["git", "--git-dir", str(mirror), "fetch", "--quiet", "--no-tags", "--force"]
    command += ["--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"]
    command += [] if depth is None else [f"--depth={depth}"]
    command += ["--prune"] if prune else []
    process = git.Git(mirror).execute(
        [*command, "--end-of-options", url, *refspecs],
        as_process=True,
        env=_environment(url, token),
    )
    timer = threading.Timer(timeout, process.proc.kill if process.proc else process.kill)
    timer.start()
    try:
        _, said = process.communicate()
    finally:
        timer.cancel()
    if process.returncode != 0:
        raise _failure(said.decode("utf-8", "replace"))


def _environment(url: str, token: Secret | None) -> dict[str, str]:
    """Settings that hold whatever the user's configuration says, and leave no trace."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    settings = {
        "credential.helper": "",
        "core.fsmonitor": "false",
        "core.hooksPath": "/dev/null",
        "gc.auto": "0",
        "http.followRedirects": "false",
        "http.lowSpeedLimit": _SLOWEST,
        "http.lowSpeedTime": _PATIENCE,
        "fetch.fsckObjects": "false",
    }
    if token is not None:
        credential = base64.b64encode(f"x-access-token:{token.reveal()}".encode()).decode("ascii")
        settings["http.extraHeader"] = f"Authorization: Basic {credential}"
    environment = {
        "GIT_ALLOW_PROTOCOL": "https:http" if local else "https",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_TRACE": "0",
        "GIT_TRACE_CURL": "0",
        "GIT_TRACE_PACKET": "0",
        # Should the environment ask for what cannot be turned off, it shows no credentials.
        "GIT_TRACE_REDACT": "1",
        "LC_ALL": "C",
    }
    for number, (name, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def _failure(said: str) -> WebhookError:
    """What git's words mean."""
    lowered = said.lower()
    reason = scrub(" ".join(said.split())[-_STDERR_KEPT:]) or "git was ended"
    if any(words in lowered for words in _NO_SUCH_OBJECT):
        return NoSuchObject(f"the repository lacks what was pushed: {reason}")
    if any(words in lowered for words in _GONE):
        return RepositoryGone(f"the repository is gone or cannot be read: {reason}")
    return FetchFailed(f"git fetch: {reason}")
