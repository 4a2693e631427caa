"""Ask an application in this process for its pages, and hold the slowest of them to a bar."""

import statistics
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple

import httpx

_BAR_MS = 200.0


class Timed(NamedTuple):
    """What the rounds of one page took, in milliseconds."""

    wall: list[float]
    cpu: list[float]


async def ask_each(
    client: httpx.AsyncClient, pages: Iterable[tuple[str, str]], rounds: int
) -> float:
    """Ask for each page, print what it took under its name, and return the slowest median.

    Args:
        client: Asks the application.
        pages: Their names and paths.
        rounds: How often each is asked for.
    """
    slowest = 0.0
    for name, path in pages:
        timed = await _ask(client, path, rounds)
        slowest = max(slowest, statistics.median(timed.wall))
        print(
            f"{statistics.median(timed.wall):8.1f} {max(timed.wall):8.1f} "
            f"{statistics.median(timed.cpu):8.1f}  {name}"
        )
    return slowest


async def _ask(client: httpx.AsyncClient, path: str, rounds: int) -> Timed:
    timed = Timed([], [])
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = await client.get(path)
        timed.wall.append((time.perf_counter() - wall) * 1000)
        timed.cpu.append((time.process_time() - cpu) * 1000)
        assert answer.status_code == 200, (path, answer.status_code)
    return timed


def judge(slowest: float) -> None:
    """Say whether the slowest was quick enough, and leave with 1 if not."""
    print(f"slowest median {slowest:.1f} ms; the bar is {_BAR_MS:.0f} ms")
    sys.exit(slowest >= _BAR_MS)
