"""Which rules a scan asks for, in values that tell one choice from another; asked by each hook."""

# A hook cannot afford pathlib.
# ruff: noqa: PTH112, PTH118, PTH120, PTH208

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keyfuse_scanner.policy_files import content

Key = tuple[Any, ...]
DEFAULT_SET = "default"
SETTINGS = ("rule_set", "only", "disabled", "rules")
"""What of a policy decides, beside the files that it names."""


def ruleset(
    rule_set: str = DEFAULT_SET,
    only: Sequence[str] = (),
    disabled: Sequence[str] = (),
    rules: Sequence[Mapping[str, Any]] = (),
    rule_files: Iterable[str] = (),
) -> Key | None:
    """Return what decides the rules of a scan; None where they are those that come with keyfuse.

    Args:
        rule_set: Which rules are on.
        only: Ids of the rules to use; empty for all.
        disabled: Ids of rules that are off.
        rules: Tables of rules of one's own, and changes to others.
        rule_files: Rule files and folders of them.

    Raises:
        OSError: a rule file cannot be read.
    """
    named = tuple(rule_files)
    if rule_set == DEFAULT_SET and not (only or disabled or rules or named):
        return None
    files = tuple((path, content(path)) for name in named for path in _files(name))
    return rule_set, tuple(only), tuple(disabled), repr(tuple(rules)), files


def beside(policy_file: str, names: Iterable[str]) -> list[str]:
    """Return the paths of files that a policy names from where it stands."""
    folder = os.path.dirname(policy_file)
    return [os.path.join(folder, name) for name in names]


def _files(name: str) -> list[str]:
    if not os.path.isdir(name):
        return [name]
    entries = sorted(entry for entry in os.listdir(name) if entry.endswith(".toml"))
    return [os.path.join(name, entry) for entry in entries]
