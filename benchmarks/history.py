"""Scan the history of repositories with keyfuse and its peers, interleaved, and compare.

    python benchmarks/history.py REPOSITORY… --keyfuse keyfuse --kingfisher KF/bin/kingfisher \
        --betterleaks BL/bin/betterleaks --gitleaks GL/bin/gitleaks

`keyfuse` runs as it is installed, with rules that were compiled before and no memory of the
history; `keyfuse, 1 rule, again` is the scan after that. Peers are optional and work offline. Every
run prints the own reader with one rule against the floor: inflating every entry and applying every
delta once with the same libraries. `--verify` compares the SHA-1 of every object with its id
instead. Memory is measured in one more run, as watching it costs time: anonymous is the highest of
any process, PSS the sum over the whole tree without mapped files.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measured import Command, Run, medians, memory, run

FLOOR = Path(__file__).with_name("floor.py")
_AGAIN = "again"

# The same one rule in the peers' own words.
_GITLEAKS_RULE = """
[[rules]]
id = "keyfuse-key"
description = "keyfuse API key"
regex = '''_kf1[0-9A-Za-z]{42}[0-4][0-9A-Za-z]{5}'''
keywords = ["_kf1"]
"""
_KINGFISHER_RULE = """
rules:
  - name: keyfuse API key
    id: keyfuse.1
    pattern: |
      (?x)(_kf1[0-9A-Za-z]{42}[0-4][0-9A-Za-z]{5})
    min_entropy: 0
    confidence: medium
    examples: []
"""


def main() -> None:
    arguments = _arguments()
    if arguments.verify:
        for repository in arguments.repositories:
            command = [sys.executable, str(FLOOR), "verify", str(repository)]
            print(repository.name, subprocess.run(command, check=True, capture_output=True).stdout)
        return
    with tempfile.TemporaryDirectory() as folder:
        # A cache of its own, so that memories can be taken away before a run.
        os.environ["XDG_CACHE_HOME"] = folder
        tools = _tools(arguments, Path(folder))
        _compile(tools, Path(folder))
        for repository in arguments.repositories:
            _compare(repository, tools, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--defaults", action="store_true", help="default rules too")
    for name in ("keyfuse", "kingfisher", "betterleaks", "gitleaks"):
        parser.add_argument(f"--{name}", help="the installed program")
    return parser.parse_args()


def _tools(arguments: argparse.Namespace, folder: Path) -> dict[str, Command]:
    gitleaks_rule = folder / "gitleaks.toml"
    gitleaks_rule.write_text(_GITLEAKS_RULE)
    kingfisher_rule = folder / "kingfisher.yml"
    kingfisher_rule.write_text(_KINGFISHER_RULE)
    jobs = str(arguments.jobs)

    def reader(repository: Path) -> list[str]:
        return [sys.executable, str(FLOOR), "reader", str(repository), "--jobs", jobs]

    tools: dict[str, Command] = {"reader, 1 rule": reader}
    if program := arguments.keyfuse:
        own = [program, "scan", "--history", "--jobs", jobs, "--format", "json"]
        one = [*own, "--no-decode", "--only", "keyfuse-key"]
        tools["keyfuse, 1 rule"] = lambda repository: [*one, str(repository)]
        tools[f"keyfuse, 1 rule, {_AGAIN}"] = tools["keyfuse, 1 rule"]
        if arguments.defaults:
            tools["keyfuse, no decoding"] = lambda path: [*own, "--no-decode", str(path)]
            tools["keyfuse"] = lambda path: [*own, str(path)]
    if program := arguments.kingfisher:
        scan = [
            program,
            "--no-update-check",
            "scan",
            "--no-validate",
            "--jobs",
            jobs,
            "--format",
            "json",
            "--quiet",
        ]
        rule = ["--rules-path", str(kingfisher_rule), "--load-builtins", "false"]
        tools["kingfisher --turbo, 1 rule"] = lambda path: [*scan, *rule, "--turbo", str(path)]
        tools["kingfisher, 1 rule"] = lambda path: [*scan, *rule, str(path)]
        if arguments.defaults:
            tools["kingfisher --turbo"] = lambda path: [*scan, "--turbo", str(path)]
            tools["kingfisher"] = lambda path: [*scan, str(path)]
    for name in ("betterleaks", "gitleaks"):
        if program := getattr(arguments, name):
            tools |= _gitleaks_like(name, program, gitleaks_rule, arguments.defaults)
    return tools


def _gitleaks_like(name: str, program: str, rule: Path, defaults: bool) -> dict[str, Command]:
    scan = [program, "git", "--no-banner", "--log-level", "error"]
    tools: dict[str, Command] = {
        f"{name}, 1 rule": lambda path: [*scan, "--config", str(rule), str(path)]
    }
    if defaults:
        tools[name] = lambda path: [*scan, str(path)]
    return tools


def _compile(tools: dict[str, Command], folder: Path) -> None:
    """Let every tool compile its rules, where it keeps them."""
    empty = folder / "empty"
    subprocess.run(["git", "init", "-q", empty], check=True)
    for command in tools.values():
        subprocess.run(command(empty), capture_output=True, check=False)


def _forget() -> None:
    """Take away what keyfuse remembers of histories."""
    for file in Path(os.environ["XDG_CACHE_HOME"], "keyfuse").glob("[hp]*-*"):
        if file.name.startswith(("history-", "pack-")):
            file.unlink()


def _compare(repository: Path, tools: dict[str, Command], arguments: argparse.Namespace) -> None:
    runs: dict[str, list[Run]] = {name: [] for name in tools}
    floors = []
    for _ in range(arguments.runs):
        floors.append(_floor(repository))
        for name, command in tools.items():
            if not name.endswith(_AGAIN):
                _forget()
            runs[name].append(run(command(repository)))
    floor = statistics.median(each["cpu"] for each in floors)
    size, objects = floors[0]["size"] / 1e6, floors[0]["objects"]
    print(f"\n{repository.name}: {objects:,} objects, {size:,.0f} MB; floor {floor:.2f} CPU s")
    print(f"{'':30}{'wall s':>8}{'CPU s':>8}{'/floor':>8}{'x ours':>8}{'anon MB':>9}{'PSS MB':>8}")
    reference = "keyfuse, 1 rule" if "keyfuse, 1 rule" in runs else next(iter(runs))
    ours = medians(runs[reference]).wall
    for name, command in tools.items():
        wall, cpu = medians(runs[name])
        if not name.endswith(_AGAIN):
            _forget()
        peak = memory(command(repository))
        print(
            f"{name:30}{wall:8.2f}{cpu:8.2f}{cpu / floor:8.2f}{wall / ours:8.2f}"
            f"{peak.anonymous / 1e6:9.0f}{peak.pss / 1e6:8.0f}"
        )


def _floor(repository: Path) -> dict[str, float]:
    command = [sys.executable, str(FLOOR), "floor", str(repository)]
    answer: dict[str, float] = json.loads(subprocess.check_output(command))
    return answer


if __name__ == "__main__":
    main()
