"""Show what stands around a finding, with every secret in it redacted."""

from collections.abc import Iterator
from pathlib import Path

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Finding
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.scan import Show

_AROUND = 2
_LONGEST = 160


def context(finding: Finding, root: Path, show: Show) -> Iterator[str]:
    """Yield the lines around a finding, each with its number; none where they cannot be read.

    Args:
        finding: Of a scan of files or of history.
        root: The repository, for objects.
        show: Turns bytes into text without the secrets in them.
    """
    data = _read(finding, root)
    if data is None or finding.line is None:
        return
    lines = data.split(b"\n")
    first = max(0, finding.line - 1 - _AROUND)
    around = b"\n".join(lines[first : finding.line + _AROUND])
    for number, text in enumerate(show(around).split("\n"), first + 1):
        mark = ">" if number == finding.line else " "
        yield f"{mark} {number:5} | {harmless(text[:_LONGEST].rstrip())}"


def _read(finding: Finding, root: Path) -> bytes | None:
    try:
        if finding.object is not None:
            return git.run(Repository(str(root)), "cat-file", "-p", finding.object)
        return Path(finding.path or "").read_bytes()
    except (OSError, GitFailed):
        return None
