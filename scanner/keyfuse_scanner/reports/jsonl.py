"""One finding a line, as JSON."""

from collections.abc import Iterator

from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.reports.fields import finding_fields


def render(
    result: ScanResult,
    *,
    show_secrets: bool = False,
    colour: bool = False,  # noqa: ARG001 - all reports are called alike
) -> Iterator[str]:
    """Yield one line for each finding."""
    import json

    for finding in result.findings:
        yield json.dumps(finding_fields(finding, show_secrets=show_secrets)) + "\n"
