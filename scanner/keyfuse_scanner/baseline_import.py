"""What other scanners were told to leave alone, as entries of our baseline.

Their lists name places (commit, file, line) or hash secrets in their own ways, so each place is
looked into again, and what stands there gets our fingerprint.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keyfuse_rules.matching import Matcher
from keyfuse_scanner import git
from keyfuse_scanner.baseline import entries_of
from keyfuse_scanner.errors import GitFailed, KnownListInvalid
from keyfuse_scanner.examine import examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.known import Entry, Verdict
from keyfuse_scanner.model import Document, Hit
from keyfuse_scanner.policy_files import content
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.scan import conclude

# https://github.com/gitleaks/gitleaks: `commit:file:rule:line`, or without the commit.
_GITLEAKS = re.compile(
    r"(?:(?P<commit>[0-9a-f]{40}|[0-9a-f]{64}):)?(?P<path>.+):(?P<rule>[^:]+):(?P<line>\d{1,9})"
)
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?").fullmatch


class Place(NamedTuple):
    """Where another scanner found something.

    Attributes:
        commit: Full id; None for the work tree.
        sha1: Of the secret, as detect-secrets keeps it; None where it is not told.
        text: The secret or what surrounds it, where it is told; never shown.
    """

    path: str
    line: int | None
    commit: str | None = None
    sha1: str | None = None
    text: bytes | None = None
    verdict: Verdict = "unaudited"

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"Place({self.path!r}, {self.line})"


class Imported(NamedTuple):
    """The entries, and the places at which we find nothing."""

    entries: dict[str, Entry]
    nothing: list[Place]


def parse_foreign(text: str, name: str) -> list[Place]:
    """Return the places in a `.gitleaksignore`, a report of gitleaks, or a `.secrets.baseline`.

    Raises:
        KnownListInvalid: it is none of these; the message names the line.
    """
    if not text.lstrip().startswith(("{", "[")):
        return list(_gitleaksignore(text, name))
    try:
        document = json.loads(text)
        if isinstance(document, list):
            return [_of_gitleaks(entry) for entry in document]
        return [
            _of_detect_secrets(path, entry)
            for path, entries in document["results"].items()
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise KnownListInvalid(
            f"{harmless(name)}: neither a report of gitleaks nor a baseline of detect-secrets"
        ) from None


def import_places(places: Iterable[Place], root: Path, matcher: Matcher) -> Imported:
    """Return the entries for what stands at some places.

    Args:
        places: Where to look.
        root: The folder that paths start from; a repository, if a place names a commit.
        matcher: The rules.
    """
    imported = Imported({}, [])
    for place in places:
        hits = _hits(place, root, matcher)
        if hits:
            imported.entries.update(hits)
        else:
            imported.nothing.append(place)
    return imported


def _gitleaksignore(text: str, name: str) -> Iterator[Place]:
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        found = _GITLEAKS.fullmatch(bare)
        if found is None:
            raise KnownListInvalid(
                f"{harmless(name)}:{number}: not an entry of .gitleaksignore, such as"
                " commit:file:rule:line"
            )
        yield Place(found["path"], int(found["line"]), found["commit"])


def _of_gitleaks(entry: Mapping[str, Any]) -> Place:
    commit = entry.get("Commit") or None
    if commit is not None and not _COMMIT(commit):
        raise ValueError("no commit")
    text = entry.get("Secret") or None
    told = None if text in {None, "REDACTED"} else str(text).encode("utf-8", "surrogateescape")
    return Place(_path(entry["File"]), int(entry["StartLine"]), commit, text=told)


def _of_detect_secrets(path: str, entry: Mapping[str, Any]) -> Place:
    said = entry.get("is_secret")
    verdict: Verdict = "unaudited" if said is None else "real" if said else "false"
    line = entry.get("line_number")
    line = None if line is None else int(line)
    return Place(_path(path), line, sha1=str(entry["hashed_secret"]), verdict=verdict)


def _path(value: object) -> str:
    """Return the path in a report.

    Raises:
        ValueError: JSON can spell half a character, which no path holds.
    """
    path = str(value)
    path.encode("utf-8", "surrogateescape")
    return path


def _hits(place: Place, root: Path, matcher: Matcher) -> dict[str, Entry]:
    data = _read(place, root)
    if data is None and place.text is not None:
        data, place = place.text, place._replace(line=None)
    if data is None:
        return {}
    source = Document("file", place.path.encode("utf-8", "surrogateescape"), None, (data,))
    examined = examine([source], matcher)
    meant = [hit for hit in examined.hits if _is_meant(hit, place, examined.hits)]
    return entries_of(conclude(examined._replace(hits=meant), matcher).findings, place.verdict)


def _read(place: Place, root: Path) -> bytes | None:
    """Return what stands at a place; None where that cannot be read, or no path holds a NUL."""
    if place.commit is None:
        try:
            return content(str(root / place.path))
        except (OSError, ValueError):
            return None
    try:
        # The id is hexadecimal, so this is no option whatever the path is.
        return git.run(Repository(str(root)), "cat-file", "blob", f"{place.commit}:{place.path}")
    except (GitFailed, ValueError):
        return None


def _is_meant(hit: Hit, place: Place, hits: Sequence[Hit]) -> bool:
    """Return whether a hit is what another scanner named: the same secret, or on its line."""
    if place.sha1 is not None and any(_sha1(other) == place.sha1 for other in hits):
        return _sha1(hit) == place.sha1
    return place.line is None or hit.line == place.line


def _sha1(hit: Hit) -> str:
    raw = hit.secret.reveal().encode("latin-1")
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()
