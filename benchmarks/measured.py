"""Run commands in turn and measure what they and all their children take."""

import os
import re
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

Command = Callable[[Path], list[str]]
# Clean, findings, incomplete; Kingfisher's own for findings.
EXIT_CODES = (0, 1, 3, 200, 205)
_REFUSAL = re.compile(rb"\bFTL\b|[Uu]nknown (?:command|flag)|unexpected argument")


class Run(NamedTuple):
    """Seconds of the clock, and of the processor over the whole process tree."""

    wall: float
    cpu: float


class Memory(NamedTuple):
    """Peaks of anonymous memory: of any process, and shared out over the tree."""

    anonymous: int
    pss: int


def run(command: list[str], *, cwd: Path | None = None, codes: tuple[int, ...] = EXIT_CODES) -> Run:
    """Return the time of a command with all its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, cwd=cwd, env=_environment())
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A wrong command ends with the code of findings, and would be a very quick scan.
    if done.returncode not in codes or _REFUSAL.search(done.stdout + done.stderr):
        said = (done.stderr or done.stdout).decode(errors="replace")[-500:]
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {said}")
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def in_turn(commands: Mapping[str, Callable[[], Run]], runs: int) -> dict[str, list[Run]]:
    """Run each command once a round: whatever disturbs the machine disturbs all of them."""
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            found[name].append(command())
    return found


def medians(runs: list[Run]) -> Run:
    """Return the median of either time."""
    return Run(
        statistics.median(each.wall for each in runs), statistics.median(each.cpu for each in runs)
    )


def memory(command: list[str], *, cwd: Path | None = None) -> Memory:
    """Return the peaks of memory of one more run, as watching costs time."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
        env=_environment(),
    )
    anonymous = pss = 0
    while process.poll() is None:
        each = [_rollup(pid) for pid in _tree(process.pid)]
        anonymous = max(anonymous, *(one for one, _ in each), 0)
        pss = max(pss, sum(shared for _, shared in each))
        time.sleep(0.002)
    return Memory(anonymous, pss)


def _environment() -> dict[str, str]:
    """Return this environment, but let Python keep what it compiles.

    A checkout that is installed in place would else be compiled anew in each run.
    """
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # any thread may start one
        try:
            pids = children.read_text().split()
        except OSError:
            continue
        for child in pids:
            yield from _tree(int(child))


def _rollup(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return fields.get("Anonymous", 0), fields.get("Pss_Anon", 0) + fields.get("Pss_Shmem", 0)
