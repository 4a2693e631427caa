"""Tell the outcome: annotations in the log, the summary of the job, outputs for later steps."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from keyfuse_rules.model import Severity
from keyfuse_scanner.action import remembering, summary
from keyfuse_scanner.action.code_scanning import Outcome
from keyfuse_scanner.action.event import Plan
from keyfuse_scanner.action.job import Job
from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports import github
from keyfuse_scanner.reports.text import problem_line, stale_line
from keyfuse_scanner.terminal import write

_SCANNED = {
    "nothing": "nothing, for the branch was deleted",
    "range": "what this event brought",
    "history": "all branches and tags, with all of their history",
}


class Told(NamedTuple):
    """The outcome of a step.

    Attributes:
        result: Of the scan.
        notes: What to say of how it went.
        reported: How many own keys the service was told of.
        alerts: What became of the SARIF log, and its file; None where none was made.
    """

    result: ScanResult
    notes: Sequence[str] = ()
    reported: int = 0
    alerts: tuple[Outcome, Path] | None = None


def tell(job: Job, planned: Plan, told: Told, stream: TextIO) -> None:
    """Write log, summary and outputs."""
    notes = list(_notes(told))
    write(stream, _log(told, notes))
    if job.summary is not None:
        site = f"{job.server.rstrip('/')}/{job.name}"
        setting = summary.Setting(_SCANNED[planned.kind], site, [text for text, _ in notes])
        _append(job.summary, summary.render(told.result, setting))
    if job.outputs is not None:
        _append(job.outputs, _outputs(planned, told))


def _notes(told: Told) -> Iterator[tuple[str, bool]]:
    """Yield what is to be said beside the findings, and whether it is a warning."""
    yield from ((note, False) for note in told.notes)
    yield from ((problem_line(problem), True) for problem in told.result.unreported)
    if told.reported and not told.result.unreported:
        keys = "1 key was" if told.reported == 1 else f"{told.reported} keys were"
        yield f"{keys} reported to the service that issued them, to be burned", False
    if told.result.stale:
        yield stale_line(told.result), False
    if told.alerts is not None:
        yield told.alerts[0].text, told.alerts[0].failed


def _log(told: Told, notes: Sequence[tuple[str, bool]]) -> Iterator[str]:
    yield from github.render(told.result)
    for text, is_warning in notes:
        shown = harmless(text)
        yield f"::warning title=keyfuse::{github.data(shown)}\n" if is_warning else shown + "\n"
    if not told.result.complete:
        yield "::error title=keyfuse::not everything could be scanned; see the notices\n"


def _outputs(planned: Plan, told: Told) -> Iterator[str]:
    counted = [finding for finding in told.result.findings if finding.reason is None]
    severities = Counter(finding.severity for finding in counted)
    yield f"findings={len(counted)}\n"
    yield from (f"{severity.label}={severities[severity]}\n" for severity in reversed(Severity))
    yield f"errors={len(told.result.errors)}\n"
    yield f"complete={'true' if told.result.complete else 'false'}\n"
    yield f"reported={told.reported if not told.result.unreported else 0}\n"
    kept = planned.keeps and told.result.complete and remembering.is_there()
    yield f"remember={'true' if kept else 'false'}\n"
    if told.alerts is not None:
        yield f"sarif={told.alerts[1]}\n"


def _append(file: Path, lines: Iterator[str]) -> None:
    with file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
        stream.writelines(lines)
