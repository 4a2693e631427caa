"""Share units of work over processes.

Each worker asks for the next unit when it is done with one, so uneven units balance themselves.
Where the platform forks, workers inherit what was read of the packs so far; elsewhere each reads it
again and works only if it sees the same store.
"""

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, cast

from keyfuse_scanner.objectstore.forking import METHOD
from keyfuse_scanner.objectstore.model import T
from keyfuse_scanner.objectstore.plan import Plan
from keyfuse_scanner.objectstore.units import Job, Lost, Result, look_into


class WorkerFailed(Exception):
    """A worker met a bug; the message is its traceback."""


def share(plan: Plan, job: Job[T], jobs: int, method: str | None) -> Iterator[Result[T] | Lost]:
    """Yield the result of each unit, in any order. Units that no worker took are left out.

    Raises:
        WorkerFailed: the scanner raised an exception.
    """
    method = method or METHOD
    if inherits(method):
        job = job._replace(prepare=lambda: plan)
    context = multiprocessing.get_context(method)
    workers: dict[Connection, _Worker] = {}
    try:
        for _ in range(min(jobs, len(plan.work))):
            _start(context, job, workers)
        yield from _hand_out(len(plan.work), workers)
    except BaseException:
        for worker in workers.values():
            worker.process.terminate()
        raise
    finally:
        for connection, worker in workers.items():
            connection.close()
            worker.process.join()


def inherits(method: str) -> bool:
    """Tell whether a worker has what its parent had when it started."""
    return method == "fork"


class _Worker:
    def __init__(self, process: BaseProcess) -> None:
        self.process = process
        self.unit: int | None = None


def _start(context: BaseContext, job: Job[Any], workers: dict[Connection, _Worker]) -> None:
    ours, theirs = context.Pipe()
    # A forked worker inherits the pipes of those before it. It closes them, so that each worker
    # sees it when this process dies.
    inherited = (ours, *workers) if context.get_start_method() == "fork" else ()
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]  # all contexts have it
        target=_work, args=(theirs, job, inherited), daemon=True
    )
    process.start()
    theirs.close()
    workers[ours] = _Worker(process)


def _hand_out(units: int, workers: dict[Connection, _Worker]) -> Iterator[Result[Any] | Lost]:
    waiting = iter(range(units))
    busy = dict(workers)
    death = ""
    while busy:
        for connection in cast("list[Connection]", wait(list(busy))):
            worker = busy[connection]
            try:
                answer = connection.recv()
                if isinstance(answer, Result):
                    yield answer
                elif isinstance(answer, str):
                    raise WorkerFailed(answer)
                worker.unit = None
                worker.unit = next(waiting, None) if answer else None
                connection.send(worker.unit)
            except (EOFError, ConnectionError):
                worker.process.join()
                death = f"a worker process died (exit code {worker.process.exitcode})"
                if worker.unit is not None:
                    yield Lost(worker.unit, death)
                    worker.unit = None
            if worker.unit is None:
                del busy[connection]
    if death:
        yield from (Lost(unit, death) for unit in waiting)


def _work(connection: Connection, job: Job[Any], inherited: Iterable[Connection]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    for other in inherited:
        other.close()
    try:
        plan = job.prepare()
        scanner = job.make_scanner()
        connection.send(plan.signature == job.signature)
        while (unit := connection.recv()) is not None:
            connection.send(look_into(plan, unit, scanner, job.limits))
    except (EOFError, ConnectionError):
        return  # the parent is gone
    except Exception:  # noqa: BLE001 - handed to the parent, which raises it
        import traceback

        connection.send(traceback.format_exc())
