"""The summary of a job, in Markdown: what was scanned, what was found, what to do. Pure.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions#adding-a-job-summary
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports import tool
from keyfuse_scanner.reports.text import problem_line, summary

# GitHub takes 1 MiB of a step, and shows nothing at all of more.
_ROWS, _PROBLEMS = 100, 20
_LONGEST, _LONGEST_LINK = 400, 1_000
_SHORT_ID = 12


class Setting(NamedTuple):
    """What the summary tells beside the result.

    Attributes:
        scanned: What was scanned, in words.
        site: Address of the repository's pages, for links.
        notes: What else is worth a line.
    """

    scanned: str
    site: str
    notes: Sequence[str] = ()


def render(result: ScanResult, setting: Setting) -> Iterator[str]:
    """Yield the summary, bounded whatever was found."""
    counted = [finding for finding in result.findings if finding.reason is None]
    yield f"### keyfuse: {_headline(counted, result)}\n\n"
    yield f"Scanned {setting.scanned}: {_text(summary(result))}.\n\n"
    yield from (f"{_text(note)}\n\n" for note in setting.notes)
    if counted:
        yield from _table(counted, setting.site)
        yield from _advice(counted, result)
    yield from _unscanned(result)


def _headline(counted: Sequence[Finding], result: ScanResult) -> str:
    secrets = len({(finding.rule, finding.fingerprint) for finding in counted})
    if secrets:
        return "1 secret found" if secrets == 1 else f"{secrets} secrets found"
    return "no secrets found" if result.complete else "not everything could be scanned"


def _table(counted: Sequence[Finding], site: str) -> Iterator[str]:
    cut = tool.worst(counted, _ROWS)
    yield "| severity | what | value | where | commit | fingerprint |\n"
    yield "|---|---|---|---|---|---|\n"
    for finding in cut.findings:
        cells = (
            finding.severity.label,
            _text(finding.title),
            _code(finding.redacted),
            _where(finding, site),
            _commit(finding, site),
            f"`{finding.fingerprint}`",
        )
        yield f"| {' | '.join(cells)} |\n"
    yield "\n"
    if cut.left_out:
        yield f"{cut.left_out} more findings are not shown here.\n\n"


def _advice(counted: Sequence[Finding], result: ScanResult) -> Iterator[str]:
    """Yield what to do, once for each kind of secret."""
    kinds = dict.fromkeys(finding.rule for finding in counted)
    for rule in [result.rules[rule_id] for rule_id in kinds][:_PROBLEMS]:
        yield f"- <b>{_text(rule.title)}</b>: {_text(tool.advice(rule))}\n"
    keys = sorted({finding.key_id for finding in counted if finding.key_id})[:_ROWS]
    if keys:
        yield "\nOn the machine of the store:\n\n"
        yield from (f"    keyfuse keys revoke {key_id}\n" for key_id in keys)
    yield "\nA false alarm is left out by its fingerprint in `.keyfuseignore`, or by a comment"
    yield " `keyfuse:allow` beside it.\n\n"


def _unscanned(result: ScanResult) -> Iterator[str]:
    if not result.errors:
        return
    yield "Not scanned:\n\n"
    yield from (f"- {_code(problem_line(problem))}\n" for problem in result.errors[:_PROBLEMS])
    more = len(result.errors) - _PROBLEMS
    if more > 0:
        yield f"- and {more} more\n"


def _where(finding: Finding, site: str) -> str:
    place = finding.path or finding.place
    shown = _code(place if finding.line is None else f"{place}:{finding.line}")
    path = quote(finding.path or "")
    if not path or finding.commit is None or len(path) > _LONGEST_LINK:
        return shown
    return f'<a href="{site}/blob/{finding.commit}/{path}#L{finding.line or 1}">{shown}</a>'


def _commit(finding: Finding, site: str) -> str:
    if finding.commit is None:
        return ""
    return f'<a href="{site}/commit/{finding.commit}">{finding.commit[:_SHORT_ID]}</a>'


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


# What HTML and Markdown read anything into.
_SIGNS = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\"'\\`*_{}[]()#+-!|~:@"}


def _text(text: str) -> str:
    """Return foreign text as text, whatever Markdown or HTML it holds."""
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return harmless(cut).translate(_SIGNS)
