"""The baseline: what is known, scanned for, merged with what people said, and written."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from keyfuse_rules.matching import Matcher
from keyfuse_scanner import modes
from keyfuse_scanner.errors import KnownListInvalid
from keyfuse_scanner.git import Repository
from keyfuse_scanner.known import Entry, Known, Scope, Verdict, render_known
from keyfuse_scanner.left_out import what_is_left_out
from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.policy import Found
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.rulebook import make_matcher
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.scanning import Scanning

_ATTRIBUTES = ".gitattributes"


class Change(NamedTuple):
    """What an update does to a baseline.

    Attributes:
        entries: All entries afterwards.
        added: Fingerprints that were not in it.
        dropped: Fingerprints that are found no more.
    """

    entries: Mapping[str, Entry]
    added: list[str]
    dropped: list[str]


class Scanned(NamedTuple):
    """All that counts in a scope, the baseline aside, and the rules that found it."""

    result: ScanResult
    matcher: Matcher


def scan_scope(found: Found, scope: Scope) -> Scanned:
    """Scan all files below the root of a policy, or all history, without a baseline."""
    matcher = make_matcher(found.policy)
    scanning = Scanning(matcher, found.policy.max_file_size)
    if scope == "history":
        examined = modes.scan_history(scanning, Repository(found.root))
    else:
        examined = modes.scan_files(scanning, [os.path.relpath(found.root)])
    without = found._replace(policy=found.policy._replace(baseline=os.devnull))
    left_out = what_is_left_out(without, of_files=scope == "files")
    return Scanned(conclude(examined, matcher, suppression=left_out.suppression), matcher)


def entries_of(findings: Iterable[Finding], verdict: Verdict = "unaudited") -> dict[str, Entry]:
    """Return an entry for each secret among findings."""
    return {
        finding.fingerprint: Entry(finding.fingerprint, finding.rule, verdict)
        for finding in findings
    }


def updated(known: Known, result: ScanResult) -> Change:
    """Return what becomes of a baseline when its scope was scanned anew.

    What people said is kept. Nothing is dropped where not all could be scanned.
    """
    seen = entries_of(result.findings)
    gone = known.entries.keys() - seen.keys() if result.complete else set()
    kept = {name: entry for name, entry in known.entries.items() if name not in gone}
    return Change({**seen, **kept}, sorted(seen.keys() - known.entries.keys()), sorted(gone))


def write_baseline(path: Path, entries: Iterable[Entry], scope: Scope) -> None:
    """Replace the file of a baseline in one step.

    Raises:
        KnownListInvalid: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.write_text(render_known(entries, scope), "utf-8", newline="\n")
        draft.replace(path)
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise KnownListInvalid(f"{harmless(str(path))}: {reason}") from None


def merge_by_union(root: Path, path: Path) -> bool:
    """Let git keep the lines of both sides when branches that changed the file are merged.

    Returns:
        Whether a line was added to `.gitattributes`; not where the root is no repository, the file
        is elsewhere, or the line is there.
    """
    try:
        name = path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return False
    line = f"/{name.replace(' ', '[[:space:]]')} merge=union"
    attributes = root / _ATTRIBUTES
    if not os.path.lexists(root / ".git"):
        return False
    text = attributes.read_text("utf-8", "surrogateescape") if attributes.exists() else ""
    if line in text.splitlines():
        return False
    separator = "" if not text or text.endswith("\n") else "\n"
    attributes.write_text(f"{text}{separator}{line}\n", "utf-8", "surrogateescape", newline="\n")
    return True
