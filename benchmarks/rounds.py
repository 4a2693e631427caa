"""Run candidates in turn, round after round, and print what each of them took."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Run(NamedTuple):
    """One round of one candidate; seconds of the clock, and of the processor if it was counted."""

    calls: int
    wall: float
    cpu: float


Candidate = Callable[[], Run]
Runs = dict[str, list[Run]]


def timed(calls: int, work: Callable[[], object]) -> Run:
    """Time a piece of work in this thread."""
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    return Run(calls, time.perf_counter() - wall, time.thread_time() - cpu)


def in_turn(candidates: Mapping[str, Candidate], rounds: int) -> Runs:
    """Run each candidate once a round: whatever disturbs the machine disturbs all of them."""
    runs: Runs = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            runs[name].append(candidate())
    return runs


def ratio(runs: Runs, one: str, other: str, *, cpu: bool = False) -> float:
    """How much longer a call of `one` takes than one of `other`: the median over the rounds."""
    pairs = zip(runs[one], runs[other], strict=True)
    return statistics.median(_per_call(a, cpu=cpu) / _per_call(b, cpu=cpu) for a, b in pairs)


def speed(runs: Runs, name: str) -> float:
    """Calls a second: the median over the rounds."""
    return 1 / statistics.median(_per_call(run, cpu=False) for run in runs[name])


def print_runs(title: str, runs: Runs, floor: str) -> None:
    """One line for each candidate: medians, and how many times as long as the floor it takes."""
    print(f"\n{title}")
    print(f"  {'':44}{'calls/s':>12}{'us/call':>10}{'cpu us':>9}{'x floor':>10}{'in cpu':>8}")
    for name, some in runs.items():
        micros = statistics.median(_per_call(run, cpu=False) for run in some) * 1e6
        cpu = statistics.median(_per_call(run, cpu=True) for run in some) * 1e6
        print(
            f"  {name:44}{1e6 / micros:>12,.0f}{micros:>10.2f}{cpu:>9.2f}"
            f"{ratio(runs, name, floor):>10.2f}{ratio(runs, name, floor, cpu=True):>8.2f}"
        )


def _per_call(run: Run, *, cpu: bool) -> float:
    return (run.cpu if cpu else run.wall) / run.calls
