"""Fetch from the server that the workflow's repository is on: what a checkout left out.

https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
"""

import base64
import os
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from keyfuse_rules.redact import scrub
from keyfuse_rules.secret import Secret
from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed, UsageError
from keyfuse_scanner.git import Repository

_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII).fullmatch
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Below the speed (bytes a second) for that many seconds a connection counts as dead.
_SLOWEST, _PATIENCE = "1000", "60"
_QUIET = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance")


class Remote(NamedTuple):
    """Where to fetch from.

    Attributes:
        url: Of the repository.
        token: The workflow's own; None where the checkout can fetch by itself.
    """

    url: str
    token: Secret | None


def remote(server: str, name: str, token: str) -> Remote:
    """Return the remote of a repository.

    Args:
        server: Address of the server, such as `https://github.com`.
        name: `owner/name`.
        token: Empty for none.

    Raises:
        UsageError: either is malformed, or the server would be asked in clear.
    """
    parts = urlsplit(server)
    local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or "@" in parts.netloc or not (parts.scheme == "https" or local):
        raise UsageError("GITHUB_SERVER_URL: write an address like https://github.com")
    if _NAME(name) is None or ".." in name:
        raise UsageError("GITHUB_REPOSITORY: write owner/name")
    return Remote(f"{server.rstrip('/')}/{name}.git", Secret(token) if token else None)


def fetch(repository: Repository, source: Remote, options: list[str], wanted: list[str]) -> None:
    """Fetch into the checkout.

    Args:
        repository: The checkout.
        source: Where from.
        options: How deep.
        wanted: Object ids and refspecs, built from checked parts.

    Raises:
        GitFailed: they cannot be had; the reason holds no token.
    """
    _ask(repository, source, "fetch", *_QUIET, *options, "--end-of-options", source.url, *wanted)


def branch_tip(repository: Repository, source: Remote, branch: str) -> str | None:
    """Return the commit that a branch of the remote is at; None where there is no such branch.

    Raises:
        GitFailed: the remote cannot be asked.
    """
    name = f"refs/heads/{branch}"
    printed = _ask(repository, source, "ls-remote", "--quiet", "--", source.url, name)
    # Git takes the name for the end of one, so others may come with it.
    rows = [line.partition(b"\t") for line in printed.split(b"\n")]
    wanted = (object_id for object_id, _, ref in rows if ref == os.fsencode(name))
    return next((object_id.decode("ascii") for object_id in wanted), None)


def _ask(repository: Repository, source: Remote, command: str, *arguments: str) -> bytes:
    try:
        return git.run(repository, command, *arguments, environment=_environment(source))
    except GitFailed as failure:
        raise GitFailed(command, scrub(failure.reason)) from None


def _environment(source: Remote) -> dict[str, str]:
    settings = [
        ("http.followRedirects", "false"),
        ("http.lowSpeedLimit", _SLOWEST),
        ("http.lowSpeedTime", _PATIENCE),
    ]
    if source.token is not None:
        credential = base64.b64encode(f"x-access-token:{source.token.reveal()}".encode())
        # A checkout may have left its own header for the server; two are refused there.
        header = f"http.{source.url}.extraHeader"
        settings += [("credential.helper", ""), (header, "")]
        settings += [(header, f"Authorization: Basic {credential.decode('ascii')}")]
    environment = {
        "GIT_ALLOW_PROTOCOL": urlsplit(source.url).scheme,
        "GIT_ASKPASS": "true",
        "GIT_CONFIG_COUNT": str(len(settings)),
        # Should somebody have asked git for a trace, it shows no credentials.
        "GIT_TRACE": "0",
        "GIT_TRACE_CURL": "0",
        "GIT_TRACE_PACKET": "0",
        "GIT_TRACE_REDACT": "1",
    }
    for number, (name, value) in enumerate(settings):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment
