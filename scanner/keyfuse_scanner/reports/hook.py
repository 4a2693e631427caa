"""What a developer sees who was stopped: what, where, why, and what to do next, on one screen."""

from collections.abc import Iterator, Sequence
from typing import Literal

from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports import text

Moment = Literal["commit", "message", "push", "receive"]
_WAYS_OUT: dict[Moment, str] = {
    "commit": "Unstage it (git restore --staged FILE) and read it from the environment instead.",
    "message": "Take it out of the message and commit again.",
    "push": "The commits hold it: rewrite them (git rebase --interactive), then push again.",
    "receive": "This server takes no secrets: rewrite the commits that hold it, then push again.",
}
_WAYS_ROUND: dict[Moment, str] = {
    "commit": "To commit all the same: git commit --no-verify\n",
    "message": "To commit all the same: git commit --no-verify\n",
    "push": "To push all the same: git push --no-verify\n",
    "receive": "",
}
_ALL: dict[Moment, str] = {
    "commit": "; keyfuse scan --staged shows all",
    "message": "",
    "push": "; keyfuse scan --history shows all",
    "receive": "",
}
# With these a report has 24 lines at most, as many as the smallest of terminals. A secret in a
# commit takes two lines more.
_SECRETS: dict[Moment, int] = {"commit": 3, "message": 3, "push": 2, "receive": 2}
_REVOCATIONS, _PROBLEMS = 2, 3
_FALSE_ALARM = "A false alarm? A comment keyfuse:allow, or its fingerprint in .keyfuseignore.\n"


def render(result: ScanResult, *, colour: bool = False, moment: Moment = "commit") -> Iterator[str]:
    """Yield the worst findings, what could not be scanned, and the next steps."""
    yield from _problems(result)
    groups = sorted(text.by_secret(result.findings), key=lambda group: -group[0].severity)
    shown = groups[: 1 if result.errors else _SECRETS[moment]]
    for group in shown:
        yield from text.block(group, colour=colour, others=0)
    if more := len(groups) - len(shown):
        yield f"and {more} more{_ALL[moment]}\n"
    yield text.summary(result) + "\n"
    if groups:
        yield _WAYS_OUT[moment] + "\n"
        yield "If it was ever pushed or shared, it is known: revoke it.\n"
        yield from _revocations(result, [group[0] for group in groups])
        yield "" if moment == "receive" else _FALSE_ALARM
        yield _WAYS_ROUND[moment]


def _problems(result: ScanResult) -> Iterator[str]:
    for problem in result.errors[:_PROBLEMS]:
        yield f"keyfuse: {text.problem_line(problem)}\n"
    more = len(result.errors) - _PROBLEMS
    if more > 0:
        yield f"keyfuse: and {more} more could not be scanned\n"


def _revocations(result: ScanResult, secrets: Sequence[Finding]) -> Iterator[str]:
    """Yield how to revoke: the command for keys of ours, the page of others."""
    ways = dict.fromkeys(
        f"keyfuse keys revoke {finding.key_id}"
        if finding.key_id
        else f"{finding.title}: {result.rules[finding.rule].revoke_url}"
        for finding in secrets
        if finding.key_id or result.rules[finding.rule].revoke_url
    )
    yield from (f"    {harmless(way)}\n" for way in list(ways)[:_REVOCATIONS])
    more = len(ways) - _REVOCATIONS
    if more > 0:
        yield f"    and {more} more\n"
