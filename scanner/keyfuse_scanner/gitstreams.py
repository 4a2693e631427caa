"""Git commands whose output is read while they run, or while something else is done."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository

if TYPE_CHECKING:
    import subprocess

_STDERR_KEPT = 65_536


@contextmanager
def stream(
    repository: Repository, command: str, *arguments: str, feed: Iterable[str] = ()
) -> Iterator["Stream"]:
    """Start a git command and let its output be read while it runs.

    Args:
        repository: Where.
        command: The git command.
        arguments: Its arguments.
        feed: Lines for its standard input, written while the output is read.
    """
    import threading

    process = git.start(repository, command, *arguments)
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
) -> Iterator[Callable[[], "Printed"]]:
    """Start a git command and yield what waits for its end.

    No thread listens meanwhile, so that this process may fork: what git prints stays in the pipes.

    Args:
        repository: Where.
        command: The git command.
        arguments: Its arguments.
        feed: Its standard input, which it has to read before it prints.
    """
    process = git.start(repository, command, *arguments)
    assert process.stdin is not None
    _write_lines(process.stdin, feed.splitlines())
    process.stdin = None

    def finish() -> Printed:
        stdout, stderr = process.communicate()
        code = process.returncode
        return Printed(stdout, git.failed(command, stderr, code) if code else None)

    with process:
        try:
            yield finish
        finally:
            process.kill()


class Printed(NamedTuple):
    """What a git command printed, and why it failed, or None."""

    stdout: bytes
    failure: GitFailed | None


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
        return git.failed(self._command, self._stderr, code)

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


def _write_lines(stdin: IO[bytes], lines: Iterable[str]) -> None:
    from contextlib import suppress

    with suppress(BrokenPipeError, OSError), stdin:
        for line in lines:
            stdin.write(line.encode() + b"\n")
