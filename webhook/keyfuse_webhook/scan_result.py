"""What a scan of one repository gave, as text for the database and back; and the one report.

No secret is in it: a finding that comes back has none, and everything else.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from keyfuse_rules import Secret
from keyfuse_rules.model import Rule, Severity
from keyfuse_scanner.model import Finding, Problem, ScanResult
from keyfuse_scanner.reports.fields import finding_fields, problem_fields, summary_fields
from keyfuse_scanner.scan import merge
from keyfuse_store.scans import Part


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scan of one repository gave.

    Attributes:
        repository: Its name or path.
    """

    repository: str
    result: ScanResult


def to_text(result: ScanResult) -> str:
    """What is kept of a result."""
    findings = [
        {**finding_fields(finding, show_secrets=False), "rank": finding.rank}
        for finding in result.findings
    ]
    errors = [problem_fields(problem) for problem in result.errors]
    kept = {"findings": findings, "errors": errors, "objects": result.objects, "size": result.size}
    return json.dumps(kept, separators=(",", ":"))


def gathered(parts: Iterable[Part]) -> Iterator[Scanned]:
    """The result of each repository, its shards put together.

    Args:
        parts: Of a scan, repository by repository.
    """
    for _, found in groupby(parts, key=lambda part: part.number):
        shards = list(found)
        yield Scanned(shards[0].subject, _together([_result(part) for part in shards]))


def whole(scanned: Sequence[Scanned], rules: dict[str, Rule]) -> ScanResult:
    """One result of many repositories, as reports show it: the repository leads each path."""
    findings = [
        finding._replace(path=_below(one.repository, finding.path))
        for one in scanned
        for finding in one.result.findings
    ]
    errors = [
        problem._replace(path=_below(one.repository, problem.path))
        for one in scanned
        for problem in one.result.errors
    ]
    return ScanResult(
        findings=findings,
        errors=errors,
        objects=sum(one.result.objects for one in scanned),
        size=sum(one.result.size for one in scanned),
        rules={name: rule for name, rule in rules.items() if any(f.rule == name for f in findings)},
    )


def document(scanned: Sequence[Scanned], scan_id: str) -> dict[str, object]:
    """The same for programs: as `keyfuse scan --json`, and the repository of each entry."""
    total = whole(scanned, {})
    return {
        "scan": scan_id,
        "findings": [
            {"repository": one.repository, **finding_fields(finding, show_secrets=False)}
            for one in scanned
            for finding in one.result.findings
        ],
        "errors": [
            {"repository": one.repository, **problem_fields(problem)}
            for one in scanned
            for problem in one.result.errors
        ],
        "summary": {**summary_fields(total), "repositories": len(scanned)},
    }


def _result(part: Part) -> ScanResult:
    if part.result is None:
        reason = part.reason or "it is not scanned yet"
        return ScanResult([], [Problem(f"not scanned: {reason}", None, None)], 0, 0)
    kept = json.loads(part.result)
    return ScanResult(
        findings=[_finding(fields) for fields in kept["findings"]],
        errors=[Problem(**fields) for fields in kept["errors"]],
        objects=kept["objects"],
        size=kept["size"],
    )


def _finding(fields: dict[str, Any]) -> Finding:
    severity = next(one for one in Severity if one.label == fields["severity"])
    changed = {"severity": severity, "decoded": tuple(fields["decoded"]), "secret": Secret("")}
    return Finding(**fields | changed)


def _together(results: list[ScanResult]) -> ScanResult:
    if len(results) == 1:
        return results[0]
    return ScanResult(
        findings=merge(finding for result in results for finding in result.findings),
        # What keeps all shards from reading is said once.
        errors=list(dict.fromkeys(error for result in results for error in result.errors)),
        objects=sum(result.objects for result in results),
        size=sum(result.size for result in results),
    )


def _below(repository: str, path: str | None) -> str:
    return repository if path is None else f"{repository}/{path}"
