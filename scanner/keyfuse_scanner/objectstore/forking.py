"""Share a computation over forked processes, where the platform forks."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

A = TypeVar("A")
R = TypeVar("R")

METHOD = "fork" if sys.platform.startswith(("linux", "freebsd")) else "spawn"
"""How workers start. macOS could fork, but its system libraries do not promise to survive it."""

# Fewer are done before another process has started.
_FEW = 3


def fork_map(function: Callable[[A], R], arguments: Sequence[A], jobs: int) -> list[R]:
    """Return what a function gives for each argument, in order. What it gives must be picklable."""
    if jobs == 1 or len(arguments) < _FEW or METHOD != "fork":
        return [function(argument) for argument in arguments]
    import multiprocessing

    if multiprocessing.current_process().daemon:  # which may not have children
        return [function(argument) for argument in arguments]
    context = multiprocessing.get_context("fork")
    results: list[list[R]] = []
    children = []
    for first in range(1, jobs):
        ours, theirs = context.Pipe(duplex=False)
        share = arguments[first::jobs]
        child = context.Process(target=_send, args=(function, share, theirs), daemon=True)
        child.start()
        theirs.close()
        children.append((child, ours, share))
    results.append([function(argument) for argument in arguments[::jobs]])
    for child, ours, share in children:
        try:
            results.append(ours.recv())
        except EOFError:  # killed: its share is done here
            results.append([function(argument) for argument in share])
        ours.close()
        child.join()
    return [results[at % jobs][at // jobs] for at in range(len(arguments))]


def _send(function: Callable[[A], R], share: Sequence[A], connection: "Connection") -> None:
    connection.send([function(argument) for argument in share])
