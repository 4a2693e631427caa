"""Something that is done now and then for as long as a service runs."""

import threading
from collections.abc import Callable
from datetime import timedelta


class Watch:
    """Looks now and again and again, on a thread of its own.

    Args:
        name: Of the thread.
        every: How long to wait after a look.
        look: One look; it must not raise, or it was the last.
    """

    def __init__(self, name: str, every: timedelta, look: Callable[[], None]) -> None:
        self._every = every
        self._look = look
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the look that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._look()
            self._stopping.wait(self._every.total_seconds())
