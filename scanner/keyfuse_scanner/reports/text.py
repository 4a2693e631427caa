"""The result for people at a terminal."""

from collections.abc import Iterable, Iterator

from keyfuse_rules.model import Severity
from keyfuse_scanner.model import Finding, Problem, ScanResult
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports.counts import count, looked_into

_BOLD, _RED, _YELLOW, _RESET = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
_SHORT_ID = 12
_STALE_SHOWN = 3
_OTHERS_SHOWN = 5
_CERTAINTY = {
    "valid": "its checksum is right",
    "invalid": "its checksum seems wrong",
    "none": "the format has no checksum",
}


def render(
    result: ScanResult, *, show_secrets: bool = False, colour: bool = False
) -> Iterator[str]:
    """Yield one block for each secret, then one line that sums up."""
    for group in by_secret(result.findings):
        yield from block(group, show_secrets=show_secrets, colour=colour)
    yield summary(result) + "\n"


def problem_line(problem: Problem) -> str:
    """Return one line about something that could not be scanned."""
    where = problem.path or problem.object
    return harmless(f"{where}: {problem.message}" if where else problem.message)


def stale_line(result: ScanResult) -> str:
    """Return one line about entries of lists that match nothing any more."""
    shown = ", ".join(result.stale[:_STALE_SHOWN])
    more = ", …" if len(result.stale) > _STALE_SHOWN else ""
    entries = count(len(result.stale), "stale entry", "stale entries")
    return f"{entries} in the baseline or ignore file, found no more: {shown}{more}"


def summary(result: ScanResult) -> str:
    """Return what was found in how much, and whether that was all."""
    line = looked_into(len(result.findings), result.objects, result.size)
    if result.ignored or result.baselined:
        line = f"{line}; left out: {result.ignored} ignored, {result.baselined} in the baseline"
    if result.complete:
        return line
    return f"{line}; {count(len(result.errors), 'thing')} could not be scanned"


def by_secret(findings: Iterable[Finding]) -> Iterable[list[Finding]]:
    """Return the findings of each secret, those that count apart from those that do not."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        key = (finding.fingerprint, finding.rule, finding.reason)
        groups.setdefault(key, []).append(finding)
    return groups.values()


def block(
    group: list[Finding],
    *,
    show_secrets: bool = False,
    colour: bool = False,
    others: int = _OTHERS_SHOWN,
) -> Iterator[str]:
    """Yield the lines about one secret: where, what, how certain, and `others` more places."""
    finding = group[0]
    shown = finding.secret.reveal() if show_secrets else finding.redacted
    title = f"{finding.title} ({finding.severity.label})"
    where = harmless(_where(finding))
    if colour:
        shade = _RED if finding.severity >= Severity.HIGH else _YELLOW
        where, title = f"{_BOLD}{where}{_RESET}", f"{shade}{title}{_RESET}"
    yield f"{where}: {title}\n"
    yield f"    {harmless(shown)}  {_certainty(finding)}\n"
    for detail in _details(finding):
        yield f"    {harmless(detail)}\n"
    yield from _others(group[1:], others)
    yield f"    {finding.rule}  fingerprint {finding.fingerprint}\n"
    yield "\n"


def _others(findings: list[Finding], shown: int) -> Iterator[str]:
    """Yield where else the secret stands, a few places at most."""
    for finding in findings[:shown]:
        commit = f"  commit {finding.commit[:_SHORT_ID]}" if finding.commit else ""
        yield f"    also {harmless(_where(finding))}{commit}\n"
    more = len(findings) - shown
    if more > 0:
        yield f"    and at {count(more, 'more path')}\n"


def _certainty(finding: Finding) -> str:
    if finding.reason is not None:
        kind = "no secret" if finding.reason.kind == "judged" else "left out"
        return f"{kind}: {finding.reason.text}"
    return _CERTAINTY[finding.checksum]


def _where(finding: Finding) -> str:
    place = finding.path or finding.place
    if finding.line is not None:
        place = f"{place}:{finding.line}:{finding.column}"
    return place


def _details(finding: Finding) -> Iterator[str]:
    if finding.path is not None and finding.place not in {"file", "staged"}:
        yield f"place: {finding.place}"
    if finding.commit is not None:
        yield "  ".join(
            part
            for part in (f"commit {finding.commit[:_SHORT_ID]}", finding.author, finding.date)
            if part
        )
    elif finding.object is not None and finding.place != "staged":
        yield f"object {finding.object[:_SHORT_ID]}"
    if finding.occurrences > 1:
        yield f"in {finding.occurrences} objects"
