"""Scan what is staged, and a work tree, with keyfuse and its peers in turn, and time commits.

    python benchmarks/staged.py --keyfuse keyfuse --kingfisher KF/bin/kingfisher \
        --betterleaks BL/bin/betterleaks --gitleaks GL/bin/gitleaks \
        [--work-tree FOLDER] [--pre-commit PROGRAM] [--prek PROGRAM]

Everything is as it comes: default rules, console scripts as pip installs them. The staged change
has three files, without and with a key in one of them. Commits are made with no hook, with the
plain hook of `keyfuse hook install`, and under frameworks; what a hook adds is what counts. Peers
are optional.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from zlib import crc32

from measured import Command, Run, in_turn, medians, memory, run

from keyfuse_rules.base62 import ALPHABET, encode_crc32

_FILES = 3
_FRAMEWORK_HOOK = """\
repos:
  - repo: local
    hooks:
      - {id: keyfuse, name: keyfuse, entry: KEYFUSE hook run, language: system,
         pass_filenames: false, always_run: true}
"""


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="keyfuse-staged") as folder:
        place = Path(folder)
        for title, holds_key in (("clean", False), ("with a key", True)):
            repository = _repository(place / title, holds_key=holds_key)
            _compare(f"{_FILES} staged files, {title}", _staged(arguments), repository, arguments)
        if arguments.work_tree:
            _compare(str(arguments.work_tree), _files(arguments), arguments.work_tree, arguments)
        _commits(place, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keyfuse", required=True, type=_program, help="the installed program")
    for name in ("kingfisher", "betterleaks", "gitleaks", "pre-commit", "prek"):
        parser.add_argument(f"--{name}", type=_program, metavar="PROGRAM")
    parser.add_argument("--work-tree", type=Path, metavar="FOLDER")
    parser.add_argument("--runs", type=int, default=11)
    return parser.parse_args()


def _program(name: str) -> str:
    # Not resolved: an environment's Python is a symbolic link, and tells where it is by its name.
    return str(Path(name).absolute()) if os.sep in name else name


def _staged(arguments: argparse.Namespace) -> dict[str, Command]:
    keyfuse = arguments.keyfuse
    tools: dict[str, Command] = {
        "keyfuse hook run": lambda _: [keyfuse, "hook", "run"],
        "keyfuse scan --staged": lambda _: [keyfuse, "scan", "--staged"],
    }
    if program := arguments.kingfisher:
        tools["kingfisher"] = _here(*_kingfisher(program), "--staged")
    if program := arguments.betterleaks:
        tools["betterleaks"] = _here(program, "git", "--staged")
    if program := arguments.gitleaks:
        tools["gitleaks"] = _here(program, "git", "--staged")
    return tools


def _files(arguments: argparse.Namespace) -> dict[str, Command]:
    keyfuse = arguments.keyfuse
    tools: dict[str, Command] = {"keyfuse scan": lambda _: [keyfuse, "scan", "."]}
    if program := arguments.kingfisher:
        tools["kingfisher --turbo"] = _here(*_kingfisher(program), "--turbo")
        tools["kingfisher"] = _here(*_kingfisher(program))
    if program := arguments.betterleaks:
        tools["betterleaks"] = _here(program, "filesystem")
    if program := arguments.gitleaks:
        tools["gitleaks"] = _here(program, "dir")
    return tools


def _kingfisher(program: str) -> list[str]:
    # Validation asks the network, and so does the check for updates.
    return [program, "--no-update-check", "scan", "--no-validate"]


def _here(program: str, *words: str) -> Command:
    return lambda _: [program, *words, "."]


def _compare(
    title: str, tools: Mapping[str, Command], folder: Path, arguments: argparse.Namespace
) -> None:
    commands = {name: partial(run, command(folder), cwd=folder) for name, command in tools.items()}
    for command in commands.values():
        command()  # caches of compiled rules are warm, as they are on a developer's machine
    found = in_turn(commands, arguments.runs)
    ours = medians(next(iter(found.values())))
    print(f"\n{title}, default rules, median of {arguments.runs}")
    print(
        f"  {'':28}{'wall ms':>9}{'CPU ms':>9}{'x ours':>8}{'in CPU':>8}{'anon MB':>9}{'PSS MB':>8}"
    )
    for name, command in tools.items():
        wall, cpu = medians(found[name])
        peak = memory(command(folder), cwd=folder)
        print(
            f"  {name:28}{wall * 1e3:9.1f}{cpu * 1e3:9.1f}{wall / ours.wall:8.2f}"
            f"{cpu / ours.cpu:8.2f}{peak.anonymous / 1e6:9.1f}{peak.pss / 1e6:8.1f}"
        )


def _commits(place: Path, arguments: argparse.Namespace) -> None:
    """Print what hooks add to `git commit`."""
    hooks: dict[str, list[str] | None] = {
        "no hook": None,
        "plain hook": [arguments.keyfuse, "hook", "install"],
    }
    for name in ("pre_commit", "prek"):
        if program := getattr(arguments, name):
            hooks[name.replace("_", "-")] = [program, "install"]
    commands = {}
    for name, install in hooks.items():
        folder = _repository(place / f"commit {name}", holds_key=False)
        (folder / ".pre-commit-config.yaml").write_text(
            _FRAMEWORK_HOOK.replace("KEYFUSE", arguments.keyfuse)
        )
        _git(folder, "add", ".pre-commit-config.yaml")
        if install is not None:
            subprocess.run(install, cwd=folder, check=True, capture_output=True)
        commands[name] = partial(_commit, folder)
        commands[name]()
    found = in_turn(commands, arguments.runs)
    bare = medians(found["no hook"])
    print(f"\ngit commit, three files, median of {arguments.runs}")
    print(f"  {'':28}{'wall ms':>9}{'CPU ms':>9}{'adds ms':>9}{'in CPU':>8}")
    for name, runs in found.items():
        wall, cpu = medians(runs)
        print(
            f"  {name:28}{wall * 1e3:9.1f}{cpu * 1e3:9.1f}{(wall - bare.wall) * 1e3:9.1f}"
            f"{(cpu - bare.cpu) * 1e3:8.1f}"
        )


def _commit(folder: Path) -> Run:
    for path in folder.glob("*.py"):
        with path.open("a") as file:
            file.write("# one line more\n")
    _git(folder, "add", ".")
    return run(["git", "commit", "--quiet", "-m", "a change"], cwd=folder, codes=(0,))


def _repository(folder: Path, *, holds_key: bool) -> Path:
    """A repository with three files changed in its index, the same one each time."""
    folder.mkdir()
    source = random.Random(1)
    _git(folder, "init", "--quiet", ".")
    for setting in (("user.name", "Ada"), ("user.email", "ada@example.com"), ("gc.auto", "0")):
        _git(folder, "config", *setting)
    for number in range(_FILES):
        lines = [f"def f{line}(x):\n    return x + {source.random()}\n" for line in range(60)]
        (folder / f"f{number}.py").write_text("".join(lines))
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "-m", "begin")
    for number in range(_FILES):
        with (folder / f"f{number}.py").open("a") as file:
            file.write(f"def g(y):\n    return y * {number}\n")
            if holds_key and number == 1:
                file.write(f"KEY = '{_key(source)}'\n")
    _git(folder, "add", ".")
    return folder


def _key(source: random.Random) -> str:
    body = "acme_live_kf1" + "".join(source.choices(ALPHABET, k=42))
    return body + encode_crc32(crc32(body.encode()))


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
