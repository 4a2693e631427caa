"""What scans of all history remember from one runner to the next.

A runner begins with nothing, so the workflow's cache carries it: the ids of objects that were
looked into, and which of them hold something. Compiled rules are native code, and never among it.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyfuse_rules
import keyfuse_scanner
from keyfuse_scanner.engine import engine_facts
from keyfuse_scanner.engine.privatefolder import cache_folder
from keyfuse_scanner.policy import Policy

_KEPT = ("history-*", "pack-*")
_SOURCES = ("*.py", "*.toml")


def prepare() -> Iterator[str]:
    """Make the folder into which the cache is restored, and yield outputs that say where it is.

    What is there is believed only if nobody else can have written it, and an archive would make a
    folder that everybody may read.
    """
    folder = Path(cache_folder())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield "memory<<end-of-paths\n"
    yield from (f"{folder / pattern}\n" for pattern in _KEPT)
    yield "end-of-paths\n"
    yield f"code={_code()}\n"


def is_there() -> bool:
    """Return whether there is something to keep for the next runner."""
    return any(Path(cache_folder()).glob(_KEPT[0]))


def rules_key(policy: Policy) -> tuple[Any, ...]:
    """Return what tells these rules from all others, on whatever runner.

    Dates of files, by which they are told apart on one machine, are new on each runner.
    """
    facts = engine_facts()
    decides = policy._replace(source=None)
    files = [_digest(path) for path in _rule_files(policy)]
    return "action", _code(), facts.engine, facts.version, repr(decides), tuple(files)


def _code() -> str:
    """Return a hash of all that is ours: code and rules."""
    digest = hashlib.sha256()
    for package in (keyfuse_rules, keyfuse_scanner):
        root = Path(package.__path__[0])
        for file in sorted(path for pattern in _SOURCES for path in root.rglob(pattern)):
            digest.update(f"{file.relative_to(root).as_posix()}\0{_digest(file)}\0".encode())
    return digest.hexdigest()


def _rule_files(policy: Policy) -> Iterator[Path]:
    folder = Path(policy.source or "").parent
    for name in policy.rule_files:
        path = folder / name
        yield from sorted(path.rglob("*.toml")) if path.is_dir() else [path]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
