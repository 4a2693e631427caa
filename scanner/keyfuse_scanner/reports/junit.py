"""JUnit XML, for servers that show test results: each finding is a failed test."""

import re
from collections.abc import Iterator

from keyfuse_scanner.model import Finding, Problem, ScanResult
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports import tool
from keyfuse_scanner.reports.text import problem_line

# Characters that XML 1.0 cannot hold, beside the controls that are escaped anyway.
_UNFIT = re.compile("[\ud800-\udfff\ufffe\uffff]")


def render(
    result: ScanResult,
    *,
    show_secrets: bool = False,  # noqa: ARG001 - all reports are called alike
    colour: bool = False,  # noqa: ARG001
) -> Iterator[str]:
    """Yield one suite: failures are findings, errors are what could not be scanned."""
    counted = [finding for finding in result.findings if finding.reason is None]
    skipped = [finding for finding in result.findings if finding.reason is not None]
    total = len(result.findings) + len(result.errors)
    figures = (
        f'tests="{total or 1}" failures="{len(counted)}" errors="{len(result.errors)}"'
        f' skipped="{len(skipped)}"'
    )
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="keyfuse" {figures}>\n'
    yield f' <testsuite name="keyfuse" {figures}>\n'
    if not total:
        yield '  <testcase classname="keyfuse" name="no secrets"/>\n'
    for finding in result.findings:
        yield from _case(finding)
    for problem in result.errors:
        yield from _error(problem)
    yield " </testsuite>\n</testsuites>\n"


def _case(finding: Finding) -> Iterator[str]:
    name = f"{finding.rule} {finding.line or ''}".strip()
    file = tool.where(finding)
    yield f"  <testcase classname={_attribute(file)} name={_attribute(name)}"
    yield f" file={_attribute(file)}>\n"
    if finding.reason is None:
        kind = f"type={_attribute(finding.severity.label)}"
        yield f"   <failure {kind} message={_attribute(tool.message(finding))}>"
        yield f"fingerprint {finding.fingerprint}</failure>\n"
    else:
        yield f"   <skipped message={_attribute(finding.reason.text)}/>\n"
    yield "  </testcase>\n"


def _error(problem: Problem) -> Iterator[str]:
    yield f'  <testcase classname="keyfuse" name={_attribute(problem_line(problem))}>\n'
    yield f"   <error message={_attribute(problem.message)}/>\n  </testcase>\n"


def _attribute(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", harmless(text)))
