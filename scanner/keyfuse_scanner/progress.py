"""Show on a terminal how far a long scan is, on one line that is gone when it ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from keyfuse_scanner.reports.counts import in_bytes

if TYPE_CHECKING:
    from keyfuse_scanner.objectstore.model import Progress

    Tell = Callable[[Progress], None]

# Seconds: nobody waits for less, and nobody reads faster.
_LONG = 1.0
_OFTEN = 0.1
_WIDTH = 80


@contextmanager
def shown(stream: TextIO, clock: Callable[[], float]) -> "Iterator[Tell | None]":
    """Yield what shows progress on a stream, or None where that is no terminal.

    Args:
        stream: Where to; what stands there afterwards is what stood there before.
        clock: Seconds since some time.
    """
    if not stream.isatty():
        yield None
        return
    screen = _Screen(stream, clock)
    try:
        yield screen.show
    finally:
        screen.clear()


def line(progress: "Progress", seconds: float, width: int) -> str:
    """Return what to show after some seconds, on at most so many columns."""
    done, total, objects, read = progress
    words = [f"{100 * done // max(1, total)} %"]
    if done:
        words.append(f"{_left(seconds * (total - done) / done)} left")
    words += [f"{in_bytes(read)} in {objects:,} objects", f"{in_bytes(int(read / seconds))}/s"]
    return ", ".join(words)[:width]


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


class _Screen:
    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._next = self._began + _LONG
        self._shown = 0

    def show(self, progress: "Progress") -> None:
        """Show a state, unless it is too early for that."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _OFTEN
            # A line as wide as the terminal would move on to the next one.
            self._write(line(progress, now - self._began, _columns(self._stream) - 1))

    def clear(self) -> None:
        """Take away what is shown."""
        if self._shown:
            self._write("")
            self._stream.write("\r")
            self._stream.flush()

    def _write(self, text: str) -> None:
        # Spaces, as not every terminal knows how to erase a line.
        self._stream.write("\r" + text.ljust(self._shown))
        self._stream.flush()
        self._shown = len(text)


def _columns(stream: TextIO) -> int:
    """Return how wide a terminal is; some do not know."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return _WIDTH
