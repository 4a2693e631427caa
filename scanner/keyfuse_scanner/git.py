"""The one place where git is started.

The repository may be hostile: nothing in its configuration, attributes, hooks or names is executed
or taken for an option, nothing is fetched, and nothing is written.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from keyfuse_scanner.errors import GitFailed, GitMissing, NoSuchPath, NotARepository

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from keyfuse_scanner.spawning import Spawned

_FLAGS = ("--no-pager", "--no-replace-objects", "-c", "core.fsmonitor=false")
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
_STDERR_KEPT = 65_536


class Repository(NamedTuple):
    """Where git is started.

    Attributes:
        directory: A path the user named, or None for the surroundings: the current directory, or
            the repository whose hook is being run.
    """

    directory: str | None = None


class Stream:
    """A git process whose output is read while it runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", command: str) -> None:
        import threading

        assert process.stdout is not None
        self.stdout: IO[bytes] = process.stdout
        self._process = process
        self._command = command
        self._stderr = b""
        # Git may say more than a pipe holds before it is done: somebody has to listen.
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def failure(self) -> GitFailed | None:
        """Wait for the end of the process; return why it failed, or None."""
        code = self._process.wait()
        self._listener.join()
        if code == 0:
            return None
        return GitFailed(self._command, _reason(self._stderr, code))

    def stop(self) -> None:
        """End the process if it still runs, and let go of its pipes."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self.stdout.close()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        while piece := self._process.stderr.read1(_STDERR_KEPT):  # type: ignore[attr-defined]  # a BufferedReader
            self._stderr = (self._stderr + piece)[-_STDERR_KEPT:]


class Printed(NamedTuple):
    """What a git command printed, and why it failed, or None."""

    stdout: bytes
    failure: GitFailed | None


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
    import subprocess

    process = _start(repository, [*flags, command, *arguments], subprocess.PIPE, environment)
    stdout, stderr = process.communicate(feed.encode("ascii"))
    if process.returncode != 0:
        _refuse_unaccepted(repository, stderr)
        raise GitFailed(command, _reason(stderr, process.returncode))
    return stdout


def succeeds(repository: Repository, command: str, *arguments: str) -> bool:
    """Return whether a git command ends well; what it prints does not matter."""
    try:
        run(repository, command, *arguments)
    except GitFailed:
        return False
    return True


@contextmanager
def stream(
    repository: Repository, command: str, *arguments: str, feed: Iterable[str] = ()
) -> Iterator[Stream]:
    """Start a git command and let its output be read while it runs.

    Args:
        repository: Where.
        command: The git command.
        arguments: Its arguments.
        feed: Lines for its standard input, written while the output is read.
    """
    import subprocess
    import threading

    process = _start(repository, [*_NO_HOOKS, command, *arguments], subprocess.PIPE)
    writer = threading.Thread(target=_write_lines, args=(process.stdin, feed), daemon=True)
    writer.start()
    running = Stream(process, command)
    try:
        yield running
    finally:
        running.stop()
        writer.join()


@contextmanager
def beside(
    repository: Repository, command: str, *arguments: str, feed: str = ""
) -> Iterator[Callable[[], Printed]]:
    """Start a git command and yield what waits for its end.

    No thread listens meanwhile, so that this process may fork: what git prints stays in the pipes.

    Args:
        repository: Where.
        command: The git command.
        arguments: Its arguments.
        feed: Its standard input, which it has to read before it prints.
    """
    import subprocess

    process = _start(repository, [*_NO_HOOKS, command, *arguments], subprocess.PIPE)
    assert process.stdin is not None
    _write_lines(process.stdin, feed.splitlines())
    process.stdin = None

    def finish() -> Printed:
        stdout, stderr = process.communicate()
        code = process.returncode
        return Printed(stdout, GitFailed(command, _reason(stderr, code)) if code else None)

    with process:
        try:
            yield finish
        finally:
            process.kill()


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


def hooks_directory(repository: Repository) -> "Path":
    """Return where git looks for hooks; core.hooksPath is respected."""
    from pathlib import Path

    path = _line(run(repository, "rev-parse", "--git-path", "hooks", flags=()))
    return Path(repository.directory or ".", path).absolute()


def setting(repository: Repository, name: str) -> tuple[str, str] | None:
    """Return scope (`local`, `global`, …) and value of a git setting, or None where it is unset."""
    try:
        printed = run(repository, "config", "--show-scope", "--null", "--get", name, flags=())
    except GitFailed:
        return None
    scope, value, *_ = printed.decode("utf-8", "surrogateescape").split("\0")
    return scope, value


def global_setting(name: str) -> str | None:
    """Return a setting of the user's own git configuration, or None where it is unset."""
    try:
        return _line(run(Repository(), "config", "--global", "--get", name, flags=()))
    except GitFailed:
        return None


def set_global(name: str, value: str | None) -> None:
    """Change the user's own git configuration; None takes the setting away."""
    change = ["--unset", name] if value is None else [name, value]
    run(Repository(), "config", "--global", *change, flags=())


def location(repository: Repository, name: str) -> "Path":
    """Return the path of a file in the repository's own directory, such as `MERGE_HEAD`."""
    from pathlib import Path

    path = _line(run(repository, "rev-parse", "--git-path", name))
    return Path(repository.directory or ".", path)


class Layout(NamedTuple):
    """Where the parts of a repository are.

    Attributes:
        objects: Its object directory.
        shallow: The file with the commits at which a shallow clone ends.
        common: What all of its work trees share.
    """

    objects: "Path"
    shallow: "Path"
    common: "Path"


def layout(repository: Repository) -> Layout:
    """Return where the parts of a repository are."""
    from pathlib import Path

    asked = (("--git-path", "objects"), ("--git-path", "shallow"), ("--git-common-dir",))
    lines = run(repository, "rev-parse", *(word for words in asked for word in words))
    paths = lines.rstrip(b"\r\n").split(b"\n")
    if len(paths) != len(asked):  # a path with a line break in it
        paths = [run(repository, "rev-parse", *words) for words in asked]
    return Layout(*(Path(repository.directory or ".", _line(path)) for path in paths))


def _line(printed: bytes) -> str:
    return os.fsdecode(printed.rstrip(b"\r\n"))


def _start(
    repository: Repository,
    arguments: list[str],
    stdin: int,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    import subprocess

    if repository.directory is not None and not os.path.isdir(repository.directory):  # noqa: PTH112 - a hook cannot afford pathlib
        raise NoSuchPath(f"{_harmless(repository.directory)}: no such directory")
    try:
        return subprocess.Popen(
            ["git", *_FLAGS, *arguments],
            cwd=repository.directory,
            env=_environment(os.environ, repository) | dict(environment or {}),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise _missing() from None


def _missing() -> GitMissing:
    return GitMissing("git is not on the search path; install it or extend PATH")


def _environment(inherited: Mapping[str, str], repository: Repository) -> dict[str, str]:
    environment = {**inherited, **_ENVIRONMENT}
    if repository.directory is not None:
        for name in _LOCATION & environment.keys():
            del environment[name]
    return environment


def _write_lines(stdin: IO[bytes], lines: Iterable[str]) -> None:
    from contextlib import suppress

    with suppress(BrokenPipeError, OSError), stdin:
        for line in lines:
            stdin.write(line.encode() + b"\n")


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
