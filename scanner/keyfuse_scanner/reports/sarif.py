"""SARIF 2.1.0, as GitHub code scanning and others take it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/ and GitHub's "SARIF support for code scanning".
"""

from collections.abc import Iterator
from hashlib import sha256

from keyfuse_rules.model import Rule, Severity
from keyfuse_scanner.model import Finding, Problem, Reason, ScanResult
from keyfuse_scanner.reports import tool
from keyfuse_scanner.reports.text import problem_line

# GitHub takes more results and keeps these many.
LIMIT = 5_000
_NOTIFICATIONS = 100
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
# Where GitHub draws its lines: over 9.0 critical, from 7.0 high, from 4.0 medium.
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
}


def render(
    result: ScanResult,
    *,
    show_secrets: bool = False,  # noqa: ARG001 - all reports are called alike
    colour: bool = False,  # noqa: ARG001
) -> Iterator[str]:
    """Yield the log: one run, each rule once, the worst results where there are too many."""
    import json

    cut = tool.worst(result.findings, LIMIT)
    rules = {finding.rule: result.rules[finding.rule] for finding in cut.findings}
    numbers = {rule_id: number for number, rule_id in enumerate(rules)}
    driver: dict[str, object] = {
        "name": tool.NAME,
        "semanticVersion": tool.version(),
        "rules": [_rule(rule) for rule in rules.values()],
    }
    page = tool.homepage()
    if page is not None:
        driver["informationUri"] = page
    run = {
        "tool": {"driver": driver},
        # Code scanning keeps apart what has different ids; ours is always the same.
        "automationDetails": {"id": f"{tool.NAME}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of what was scanned."}}},
        "invocations": [_invocation(result, cut.left_out)],
        "results": [_result(finding, numbers[finding.rule]) for finding in cut.findings],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    yield json.dumps(document, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, object]:
    text = tool.advice(rule)
    described: dict[str, object] = {
        "id": rule.rule_id,
        "name": "".join(word.capitalize() for word in rule.rule_id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}, issued by {rule.provider}."},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", "secret", "external/cwe/cwe-798"],
            "precision": "very-high" if rule.checksum else "high",
            "security-severity": _SCORES[rule.severity],
        },
    }
    if rule.documentation.startswith("https://"):
        described["helpUri"] = rule.documentation
    return described


def _invocation(result: ScanResult, left_out: int) -> dict[str, object]:
    notes = [_note(problem) for problem in result.errors[:_NOTIFICATIONS]]
    more = len(result.errors) - len(notes)
    if more:
        notes.append(_warning(f"{more} more things could not be scanned"))
    if left_out:
        notes.append(_warning(f"{left_out} findings are left out: GitHub keeps {LIMIT}"))
    return {"executionSuccessful": result.complete, "toolExecutionNotifications": notes}


def _note(problem: Problem) -> dict[str, object]:
    return _warning(f"not scanned: {problem_line(problem)}")


def _warning(text: str) -> dict[str, object]:
    return {"level": "warning", "message": {"text": text}}


def _result(finding: Finding, number: int) -> dict[str, object]:
    described: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": _LEVELS[finding.severity],
        "message": {"text": tool.message(finding)},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": _fingerprints(finding),
        "properties": {
            "security-severity": _SCORES[finding.severity],
            "commit": finding.commit,
            "keyId": finding.key_id,
        },
    }
    if finding.reason is not None:
        described["suppressions"] = [_suppression(finding.reason)]
    return described


def _location(finding: Finding) -> dict[str, object]:
    from urllib.parse import quote

    path = tool.where(finding)
    artifact = {"uri": quote(path), "uriBaseId": _ROOT}
    if path.startswith("/"):
        artifact = {"uri": f"file://{quote(path)}"}
    region = {"startLine": finding.line or 1}
    if finding.column is not None:
        region["startColumn"] = finding.column
    return {"artifactLocation": artifact, "region": region}


def _fingerprints(finding: Finding) -> dict[str, str]:
    """Return what tells one result from another over the years: no line, no commit.

    GitHub goes by the first; the second is the same wherever the secret stands.
    """
    place = f"{finding.fingerprint}\0{tool.where(finding)}"
    return {
        "primaryLocationLineHash": sha256(place.encode()).hexdigest()[:16] + ":1",
        "keyfuseFingerprint/v1": finding.fingerprint,
    }


def _suppression(reason: Reason) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": reason.text}
