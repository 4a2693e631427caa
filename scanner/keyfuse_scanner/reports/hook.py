"""What a developer sees whose commit was stopped: what, where, why, and what to do next."""

from collections.abc import Iterator

from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.reports import text


def render(result: ScanResult, *, colour: bool = False) -> Iterator[str]:
    """Yield the findings, what could not be scanned, and the next steps."""
    yield from (f"keyfuse: {text.problem_line(problem)}\n" for problem in result.errors)
    yield from text.render(result, colour=colour)
    if not result.findings:
        return
    yield "Take it out of the file, read it from the environment instead, and `git add` again.\n"
    yield "If it was ever pushed or shared, it is known: revoke it.\n"
    for key_id in sorted({finding.key_id for finding in result.findings if finding.key_id}):
        yield f"    keyfuse keys revoke {key_id}\n"
    yield "To commit all the same: git commit --no-verify\n"
