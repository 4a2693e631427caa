"""One HTML file that opens offline: search, and group by secret, rule, file or author.

It loads nothing and runs one script, whose hash its policy names; everything that comes from a
repository is data in it, and shown as text.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports import tool
from keyfuse_scanner.reports.fields import finding_fields
from keyfuse_scanner.reports.text import problem_line, summary

_PARTS = ("page.html", "page.css", "page.js")


def render(
    result: ScanResult,
    *,
    show_secrets: bool = False,  # noqa: ARG001 - all reports are called alike
    colour: bool = False,  # noqa: ARG001
) -> Iterator[str]:
    """Yield the page."""
    from importlib.resources import files
    from string import Template

    folder = files("keyfuse_scanner.reports")
    page, style, script = (folder.joinpath(name).read_text("utf-8") for name in _PARTS)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    yield Template(page).substitute(
        style=style, script=script, digest=digest, data=_data(result), version=tool.version()
    )


def _data(result: ScanResult) -> str:
    import json

    document = {
        "summary": summary(result),
        "findings": [
            {
                **finding_fields(finding, show_secrets=False),
                "message": tool.message(finding),
                "path": harmless(tool.where(finding)),
                "author": harmless(finding.author or ""),
                "advice": tool.advice(result.rules[finding.rule]),
            }
            for finding in result.findings
        ],
        "errors": [problem_line(problem) for problem in result.errors],
    }
    # Nothing in it can end the element it stands in.
    return json.dumps(document).replace("<", "\\u003c").replace(">", "\\u003e")
