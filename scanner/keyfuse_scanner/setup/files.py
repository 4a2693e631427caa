"""The files that a repository is to have, and putting them there. What is there already stays."""

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal, NamedTuple
from zlib import crc32

from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.setup.frameworks import SNIPPETS, use_of
from keyfuse_scanner.setup.source import Source

POLICY = "keyfuse.toml"
HOOKS = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/keyfuse.yml"
GUARD = "keyfuse_guard.py"
# Where other scanners keep what they leave out; whoever has one wants its comments honoured.
OTHERS = {
    "gitleaks": (".gitleaks.toml", ".gitleaksignore"),
    "detect-secrets": (".secrets.baseline",),
    "betterleaks": (".betterleaks.toml", ".betterleaksignore"),
    "trufflehog": (".trufflehog.yml", ".trufflehog.yaml"),
}

Kept = Literal["written", "unchanged", "kept"]


class Wishes(NamedTuple):
    """What somebody wants.

    Attributes:
        prefixes: Of the keys they issue; empty for none.
        hook: How commits are scanned.
        source: Their copy of keyfuse; None where it is not known.
        report_to: Address of their service; empty for none.
        framework: Of their API; None for no snippet.
    """

    prefixes: tuple[str, ...] = ()
    hook: Literal["pre-commit", "git", "none"] = "none"
    source: Source | None = None
    report_to: str = ""
    framework: str | None = None


class Proposal(NamedTuple):
    """A file that is wanted.

    Attributes:
        path: From the root of the repository.
        text: What is to stand in it.
        sign: What stands in one that serves as well.
    """

    path: str
    text: str
    sign: str = ""


class Outcome(NamedTuple):
    """What became of a proposal; `kept` where another file is there."""

    proposal: Proposal
    outcome: Kept


def proposals(root: Path, wishes: Wishes) -> Iterator[Proposal]:
    """Yield the files that fit somebody's wishes."""
    if not _has_policy(root):
        yield Proposal(POLICY, _fill("policy.txt", honour=_honour(root)))
    if wishes.hook == "pre-commit":
        yield Proposal(HOOKS, _hooks(wishes.source), sign="id: keyfuse")
    if wishes.source is not None:
        yield Proposal(WORKFLOW, _workflow(root, wishes, wishes.source))
    if wishes.framework is not None:
        use = use_of(wishes.framework)
        yield Proposal(GUARD, _fill(SNIPPETS[wishes.framework], use=use))


def settle(root: Path, proposal: Proposal) -> Outcome:
    """Write a file, unless one is there.

    Raises:
        UsageError: it cannot be written.
    """
    path = root / proposal.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        there = path.read_text("utf-8", "replace") if path.is_file() else ""
        serves = there == proposal.text or bool(proposal.sign and proposal.sign in there)
        return Outcome(proposal, "unchanged" if serves else "kept")
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise UsageError(f"{harmless(str(path))}: {reason}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(proposal.text)
    return Outcome(proposal, "written")


def foreign_lists(root: Path) -> dict[str, list[str]]:
    """Return the files of other scanners that are there, by scanner."""
    found = {
        scanner: [name for name in names if (root / name).is_file()]
        for scanner, names in OTHERS.items()
    }
    return {scanner: names for scanner, names in found.items() if names}


def _has_policy(root: Path) -> bool:
    """Return whether `pyproject.toml` holds the policy; a keyfuse.toml would hide it."""
    from keyfuse_scanner.policy import find_policy

    source = find_policy(root).policy.source
    return source is not None and Path(source).name != POLICY


def _honour(root: Path) -> str:
    scanners = sorted(foreign_lists(root))
    if not scanners:
        return ""
    listed = ", ".join(f'"{scanner}"' for scanner in scanners)
    return f"\n# Their comments count, too.\nhonour = [{listed}]\n"


def _hooks(source: Source | None) -> str:
    if source is None:
        return _fill("hooks_local.txt")
    return _fill("hooks.txt", url=source.url, commit=source.commit)


def _workflow(root: Path, wishes: Wishes, source: Source) -> str:
    # Not all repositories of the world at the same minute.
    text = _fill("workflow.yml", minute=crc32(root.name.encode()) % 60, action=source)
    if wishes.report_to:
        text += f"        with:\n          report-to: {json.dumps(wishes.report_to)}\n"
        text += f"          report-prefixes: {' '.join(wishes.prefixes)}\n"
    return text


def _fill(name: str, **values: object) -> str:
    text = files("keyfuse_scanner.setup").joinpath(name).read_text("utf-8")
    return Template(text).substitute(values).rstrip("\n") + "\n"
