"""What a developer sees who was stopped: what, where, why, and what to do next."""

from collections.abc import Iterator
from typing import Literal

from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.reports import text

Moment = Literal["commit", "message", "push", "receive"]
_WAYS_OUT: dict[Moment, str] = {
    "commit": "Take it out of the file, read it from the environment instead, and `git add` again.",
    "message": "Take it out of the message and commit again.",
    "push": "The commits hold it: rewrite them (`git rebase --interactive`), then push again.",
    "receive": "This server takes no secrets: rewrite the commits that hold it, then push again.",
}
_WAYS_ROUND: dict[Moment, str] = {
    "commit": "To commit all the same: git commit --no-verify\n",
    "message": "To commit all the same: git commit --no-verify\n",
    "push": "To push all the same: git push --no-verify\n",
    "receive": "",
}


def render(result: ScanResult, *, colour: bool = False, moment: Moment = "commit") -> Iterator[str]:
    """Yield the findings, what could not be scanned, and the next steps."""
    yield from (f"keyfuse: {text.problem_line(problem)}\n" for problem in result.errors)
    yield from text.render(result, colour=colour)
    if not result.findings:
        return
    yield _WAYS_OUT[moment] + "\n"
    yield "If it was ever pushed or shared, it is known: revoke it.\n"
    for key_id in sorted({finding.key_id for finding in result.findings if finding.key_id}):
        yield f"    keyfuse keys revoke {key_id}\n"
    yield _WAYS_ROUND[moment]
