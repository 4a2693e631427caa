"""The fields of a finding as reports for machines give them: names and order are a contract."""

from keyfuse_scanner.model import Finding, Problem, ScanResult


def finding_fields(finding: Finding, *, show_secrets: bool) -> dict[str, object]:
    """Return a finding as JSON values.

    `secret` is there only when asked for, `reason` only where the finding does not count.
    """
    fields: dict[str, object] = finding._asdict()
    del fields["secret"], fields["reason"], fields["rank"]
    fields["severity"] = finding.severity.label
    fields["decoded"] = list(finding.decoded)
    if show_secrets:
        fields["secret"] = finding.secret.reveal()
    if finding.reason is not None:
        fields["reason"] = finding.reason.text
    return fields


def problem_fields(problem: Problem) -> dict[str, object]:
    """Return what could not be scanned as JSON values."""
    return problem._asdict()


def summary_fields(result: ScanResult) -> dict[str, object]:
    """Return the figures of a scan as JSON values."""
    return {
        "findings": len(result.findings),
        "errors": len(result.errors) + len(result.unreported),
        "objects": result.objects,
        "bytes": result.size,
        "complete": result.complete,
        "ignored": result.ignored,
        "baselined": result.baselined,
        "stale": list(result.stale),
    }
