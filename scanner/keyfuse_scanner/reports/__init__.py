"""Results as text: each module has `render`, and no side effect."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from keyfuse_scanner.model import ScanResult


class Report(Protocol):
    """How a result becomes text."""

    def __call__(
        self, result: "ScanResult", *, show_secrets: bool = False, colour: bool = False
    ) -> Iterator[str]:
        """Yield the lines of the report, each with its line end."""
        ...


def report(name: str) -> Report:
    """Return the report of that name; only its module is loaded."""
    from importlib import import_module

    render: Report = import_module(REPORTS[name]).render
    return render


# Those that others are meant to see never show a secret.
PRIVATE = frozenset(("text", "json", "jsonl"))
REPORTS = {
    "text": "keyfuse_scanner.reports.text",
    "json": "keyfuse_scanner.reports.json",
    "jsonl": "keyfuse_scanner.reports.jsonl",
    "sarif": "keyfuse_scanner.reports.sarif",
    "github": "keyfuse_scanner.reports.github",
    "junit": "keyfuse_scanner.reports.junit",
    "gitlab": "keyfuse_scanner.reports.gitlab",
    "html": "keyfuse_scanner.reports.html",
}
