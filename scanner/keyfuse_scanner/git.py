"""The one place where git is started.

The repository may be hostile: nothing in its configuration, attributes, hooks or names is executed
or taken for an option, nothing is fetched, and nothing is written.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_scanner.errors import GitFailed, GitMissing, NoSuchPath, NotARepository

if TYPE_CHECKING:
    import subprocess

    from keyfuse_scanner.spawning import Spawned

# Git walks all history as fast with a third of the memory that it takes by itself for delta bases.
_FLAGS = (
    *("--no-pager", "--no-replace-objects"),
    *("-c", "core.fsmonitor=false", "-c", "core.deltaBaseCacheLimit=32m"),
)
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# Set by git around its hooks; they name another repository than the one the user names.
_LOCATION = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_WORK_TREE",
    }
)
_REFUSALS = (
    "not a git repository",
    "dubious ownership",
    "cannot use bare repository",
    "must be run",
)


class Repository(NamedTuple):
    """Where git is started.

    Attributes:
        directory: A path the user named, or None for the surroundings: the current directory, or
            the repository whose hook is being run.
    """

    directory: str | None = None


def run(
    repository: Repository,
    command: str,
    *arguments: str,
    feed: str = "",
    flags: tuple[str, ...] = _NO_HOOKS,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Return what a git command prints.

    Args:
        repository: Where.
        command: The git command.
        arguments: Its arguments.
        feed: Its standard input.
        flags: Given to git itself, in front of the command.
        environment: Variables to set for git, such as what allows it to fetch.

    Raises:
        GitFailed: git ended with an error.
        GitMissing: there is no git.
        NotARepository: git does not accept the repository.
        NoSuchPath: the repository's directory is not there.
    """
    process = start(repository, command, *arguments, flags=flags, environment=environment)
    stdout, stderr = process.communicate(feed.encode("ascii"))
    if process.returncode != 0:
        _refuse_unaccepted(repository, stderr)
        raise failed(command, stderr, process.returncode)
    return stdout


def succeeds(repository: Repository, command: str, *arguments: str) -> bool:
    """Return whether a git command ends well; what it prints does not matter."""
    try:
        run(repository, command, *arguments)
    except GitFailed:
        return False
    return True


def spawned(command: str, *arguments: str) -> "Spawned":
    """Start a git command in the surroundings, for who cannot wait for `subprocess`.

    Raises:
        GitMissing: there is no git.
    """
    from keyfuse_scanner.spawning import spawn

    environment = _environment(os.environ, Repository())
    try:
        return spawn(["git", *_FLAGS, *_NO_HOOKS, command, *arguments], environment)
    except FileNotFoundError:
        raise _missing() from None


def start(
    repository: Repository,
    command: str,
    *arguments: str,
    flags: tuple[str, ...] = _NO_HOOKS,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a git command with pipes at all of its ends; see `run`.

    Raises:
        GitMissing: there is no git.
        NoSuchPath: the repository's directory is not there.
    """
    import subprocess

    if repository.directory is not None and not os.path.isdir(repository.directory):  # noqa: PTH112 - a hook cannot afford pathlib
        raise NoSuchPath(f"{_harmless(repository.directory)}: no such directory")
    try:
        return subprocess.Popen(
            ["git", *_FLAGS, *flags, command, *arguments],
            cwd=repository.directory,
            env=_environment(os.environ, repository) | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise _missing() from None


def failed(command: str, stderr: bytes, code: int) -> GitFailed:
    """Return the failure of a command that complained and ended with a code."""
    return GitFailed(command, _reason(stderr, code))


def _missing() -> GitMissing:
    return GitMissing("git is not on the search path; install it or extend PATH")


def _environment(inherited: Mapping[str, str], repository: Repository) -> dict[str, str]:
    environment = {**inherited, **_ENVIRONMENT}
    if repository.directory is not None:
        for name in _LOCATION & environment.keys():
            del environment[name]
    return environment


def _refuse_unaccepted(repository: Repository, stderr: bytes) -> None:
    said = stderr.decode("utf-8", "replace")
    if any(refusal in said for refusal in _REFUSALS):
        where = _harmless(repository.directory or os.getcwd())  # noqa: PTH109 - a hook cannot afford pathlib
        raise NotARepository(f"{where}: {_reason(stderr, 128)}")


def _reason(stderr: bytes, code: int) -> str:
    """Return the line in which git says why, without its `fatal:`."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    line = next(reversed(fatal), lines[-1] if lines else f"exit code {code}")
    return _harmless(line.removeprefix("fatal:").removeprefix("error:").strip())


def _harmless(text: str) -> str:
    from keyfuse_scanner.printable import harmless

    return harmless(text)
