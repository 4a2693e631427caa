"""The whole result as one JSON document."""

from collections.abc import Iterator

from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.reports.fields import finding_fields, problem_fields, summary_fields


def render(
    result: ScanResult,
    *,
    show_secrets: bool = False,
    colour: bool = False,  # noqa: ARG001 - all reports are called alike
) -> Iterator[str]:
    """Yield the document: findings, errors, summary."""
    import json

    document = {
        "findings": [
            finding_fields(finding, show_secrets=show_secrets) for finding in result.findings
        ],
        "errors": [problem_fields(problem) for problem in (*result.errors, *result.unreported)],
        "summary": summary_fields(result),
    }
    yield json.dumps(document, indent=2) + "\n"
