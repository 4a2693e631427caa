"""Start a program at the ends of two pipes, without `subprocess`.

That module takes longer to import than git takes to answer. It is still the way to start whatever
says something on standard error that counts, or runs somewhere else.
"""

import os
from collections.abc import Mapping
from typing import IO

CAN_SPAWN = hasattr(os, "posix_spawnp")
PIPE_SIZE = 65_536
"""So many bytes can be written before anybody reads them."""


class Spawned:
    """A running program; what it complains about is dropped."""

    def __init__(self, pid: int, stdin: int, stdout: int) -> None:
        self._pid = pid
        self._stdin = stdin
        self._ended = False
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb")

    def tell(self, text: bytes) -> None:
        """Write to its standard input, at most `PIPE_SIZE` bytes that it has not read.

        Raises:
            OSError: it does not listen any more.
        """
        while text:
            text = text[os.write(self._stdin, text) :]

    def succeeds(self) -> bool:
        """Wait for its end and return whether that was a good one."""
        self._ended = True
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1]) == 0

    def stop(self) -> None:
        """Let go of its pipes, which ends whoever reads or writes them, and wait for that."""
        self.stdout.close()
        os.close(self._stdin)
        if not self._ended:
            self.succeeds()


def spawn(arguments: list[str], environment: Mapping[str, str]) -> Spawned:
    """Start a program in the current directory.

    Raises:
        FileNotFoundError: there is none of that name on the search path.
    """
    their_stdin, our_stdin = os.pipe()
    our_stdout, their_stdout = os.pipe()
    try:
        pid = os.posix_spawnp(
            arguments[0],
            arguments,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, their_stdin, 0),
                (os.POSIX_SPAWN_DUP2, their_stdout, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
    except OSError:
        os.close(our_stdin)
        os.close(our_stdout)
        raise
    finally:
        os.close(their_stdin)
        os.close(their_stdout)
    return Spawned(pid, our_stdin, our_stdout)
