"""Ending a process: noticing that it is told to, and seeing to it that it does."""

import faulthandler
import signal
from collections.abc import Callable
from queue import SimpleQueue

# Seconds from the end of the work to that of the process. Jobs are given fifteen of them, and who
# tells a process to end kills it after thirty, as a rule.
LAST = 25.0


def until_told() -> Callable[[], None]:
    """Take SIGTERM and SIGINT from now on; what is returned waits for the first of them.

    To be called on the main thread, as signals are handled there.
    """
    # A queue of this kind, unlike an event, may be filled from within its own `get`: a handler
    # runs wherever the main thread happens to be.
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))

    def wait() -> None:
        told.get()

    return wait


def end_for_certain(within: float = LAST) -> None:
    """Have the process end whatever hangs; its stacks then go to standard error, and it exits 1.

    Nothing is lost with it: others take over the jobs of a worker that is gone.

    Args:
        within: Seconds.
    """
    faulthandler.dump_traceback_later(within, exit=True)
