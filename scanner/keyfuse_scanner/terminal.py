"""Writing to terminals, pipes and files."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

from keyfuse_scanner.errors import UsageError

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether a stream should get colours (https://no-color.org)."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def write(stream: TextIO, lines: Iterable[str]) -> None:
    """Write lines and flush. A reader that has gone away (`| head`) is no error.

    What the stream's encoding lacks is written as an escape.

    Raises:
        UsageError: it cannot be written, to a full disk, say.
    """
    encoding = stream.encoding or "utf-8"
    try:
        stream.writelines(
            line.encode(encoding, "backslashreplace").decode(encoding) for line in lines
        )
        stream.flush()
    except OSError as error:
        # Python flushes once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"the report cannot be written: {_reason(error)}") from None


def write_out(lines: Iterable[str]) -> None:
    """Write lines to standard output, as `write` does."""
    write(sys.stdout, lines)


def complain(message: str) -> None:
    """Write one line about an expected failure to standard error, if that can be written."""
    try:
        write(sys.stderr, [f"keyfuse: {message}\n"])
    except UsageError:
        return  # there is nowhere left to say so


def open_output(path: str) -> TextIO:
    """Open a report's file; only its owner may read it, for it may hold what `--show-secrets` asks.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        from keyfuse_scanner.printable import harmless

        raise UsageError(f"{harmless(path)}: {_reason(error)}") from None
    return os.fdopen(descriptor, "w", encoding="utf-8")


def open_ends() -> None:
    """Open what whoever started us has closed of standard input, output and error.

    The next files that are opened would take their numbers, and would be written to.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(_STDIN, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", encoding="utf-8", closefd=False)


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be written").lower()
