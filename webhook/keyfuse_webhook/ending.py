"""Ending a process: noticing that it is told to, and seeing to it that it does."""

import faulthandler
import os
import signal
from collections.abc import Callable

# Seconds from the end of the work to that of the process. Jobs are given fifteen of them, and who
# tells a process to end kills it after thirty, as a rule.
LAST = 25.0


def until_told() -> Callable[[], None]:
    """Take SIGTERM and SIGINT from now on; what is returned waits for the first of them.

    To be called on the main thread, as signals are handled there.
    """
    # Python runs a handler when the main thread wakes up, and a signal need not wake it: it may
    # reach another thread, or come a moment before the main thread falls asleep. What is written
    # into a pipe at once, by whichever thread was interrupted, stays there to be read.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    endings = (signal.SIGTERM, signal.SIGINT)
    for number in endings:
        signal.signal(number, _noted)

    def wait() -> None:
        while os.read(told, 1)[0] not in endings:
            pass  # another signal, which somebody else takes

    return wait


def _noted(_number: int, _frame: object) -> None:
    """The pipe says it."""


def end_for_certain(within: float = LAST) -> None:
    """Have the process end whatever hangs; its stacks then go to standard error, and it exits 1.

    Nothing is lost with it: others take over the jobs of a worker that is gone.

    Args:
        within: Seconds.
    """
    faulthandler.dump_traceback_later(within, exit=True)
