"""Annotations in the log of a GitHub workflow.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from collections.abc import Iterator

from keyfuse_rules.model import Severity
from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports import tool
from keyfuse_scanner.reports.text import problem_line, summary

# GitHub shows ten of each kind for one step; what is not shown is said in the last line.
LIMIT = 10


def render(
    result: ScanResult,
    *,
    show_secrets: bool = False,  # noqa: ARG001 - all reports are called alike
    colour: bool = False,  # noqa: ARG001
) -> Iterator[str]:
    """Yield a workflow command for each of the worst findings, and one line that sums up."""
    counted = [finding for finding in result.findings if finding.reason is None]
    kinds = {"error": Severity.HIGH, "warning": Severity.LOW}
    left_out = 0
    for kind, least in kinds.items():
        matching = [finding for finding in counted if finding.severity >= least]
        counted = [finding for finding in counted if finding.severity < least]
        cut = tool.worst(matching, LIMIT)
        left_out += cut.left_out
        yield from (_command(kind, finding) for finding in cut.findings)
    for problem in result.errors[:LIMIT]:
        yield f"::notice title=not scanned::{data(problem_line(problem))}\n"
    if left_out:
        yield f"{left_out} findings are not annotated: GitHub shows {LIMIT} of a kind\n"
    yield summary(result) + "\n"


def _command(kind: str, finding: Finding) -> str:
    properties = {"title": f"{finding.title} ({finding.severity.label})"}
    if finding.path is not None:
        properties["file"] = finding.path
        if finding.line is not None:
            properties |= {"line": str(finding.line), "col": str(finding.column)}
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {given}::{data(tool.message(finding))}\n"


def data(text: str) -> str:
    """Return text as the data of a workflow command."""
    return harmless(text).replace("%", "%25")


def _property(text: str) -> str:
    return data(text).replace(":", "%3A").replace(",", "%2C")
