"""GitLab's secret detection report, schema 15.

https://gitlab.com/gitlab-org/security-products/security-report-schemas
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.reports import tool
from keyfuse_scanner.reports.text import problem_line

_SCHEMA_VERSION = "15.0.7"
_NAMESPACE = "6f1d2a52-98c4-5c1b-9f5d-0c8a4a1f5c60"
# What GitLab's own analyzer writes where there is no commit.
_NO_COMMIT = "0000000"
_NOT_SCANNED_MAX = 100
# What the schema allows.
_NAME_MAX, _SOLUTION_MAX = 255, 7_000


def _now() -> datetime:
    return datetime.now(UTC)


def render(
    result: ScanResult,
    *,
    show_secrets: bool = False,  # noqa: ARG001 - all reports are called alike
    colour: bool = False,  # noqa: ARG001
    now: Callable[[], datetime] = _now,
) -> Iterator[str]:
    """Yield the report; what does not count is left out."""
    import json

    tool_fields = {
        "id": tool.NAME,
        "name": tool.NAME,
        "version": tool.version(),
        "vendor": {"name": tool.NAME},
    }
    time = now().strftime("%Y-%m-%dT%H:%M:%S")
    scan = {
        "analyzer": tool_fields,
        "scanner": tool_fields,
        "type": "secret_detection",
        "start_time": time,
        "end_time": time,
        "status": "success" if result.complete else "failure",
        "messages": [
            {"level": "warn", "value": f"not scanned: {problem_line(problem)}"}
            for problem in result.errors[:_NOT_SCANNED_MAX]
        ],
    }
    found = [
        _vulnerability(finding, tool.advice(result.rules[finding.rule]))
        for finding in result.findings
        if finding.reason is None
    ]
    document = {"version": _SCHEMA_VERSION, "scan": scan, "vulnerabilities": found}
    yield json.dumps(document, indent=2) + "\n"


def _vulnerability(finding: Finding, advice: str) -> dict[str, object]:
    from uuid import UUID, uuid5

    file = tool.where(finding)
    line = finding.line or 1
    commit = {"sha": finding.commit or _NO_COMMIT}
    if finding.author is not None:
        commit["author"] = finding.author
    if finding.date is not None:
        commit["date"] = finding.date
    return {
        # The same finding has the same id in every report.
        "id": str(uuid5(UUID(_NAMESPACE), f"{finding.fingerprint}\0{finding.rule}\0{file}")),
        "category": "secret_detection",
        "name": finding.title[:_NAME_MAX],
        "description": tool.message(finding),
        "severity": finding.severity.label.capitalize(),
        "solution": advice[:_SOLUTION_MAX],
        "identifiers": [
            {"type": "keyfuse_rule_id", "name": f"keyfuse {finding.rule}", "value": finding.rule}
        ],
        "location": {"file": file, "commit": commit, "start_line": line, "end_line": line},
    }
