"""What a check run says of a push: findings in, title, summary and annotations out. No I/O.

Nothing in it is a secret: of a key it shows prefix, marker and id. Paths are other people's
text; they stand in code spans, in which nothing is markup and nobody is mentioned.

https://docs.github.com/en/rest/checks/runs
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from keyfuse_rules.redact import scrub
from keyfuse_scanner.model import Finding, Problem
from keyfuse_scanner.printable import harmless
from keyfuse_store.model import Key

NAME = "keyfuse"
# An eleventh request would add nothing that the first ten did not say.
MOST_ANNOTATIONS = 500
_MOST_ROWS = 100
_LONGEST_SUMMARY = 65_535
_LONGEST_PATH = 300

Conclusion = Literal["success", "failure", "neutral"]


class Found(NamedTuple):
    """A key with a right checksum, and which of our keys it is; None where it is not ours."""

    finding: Finding
    key: Key | None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """What to publish.

    Attributes:
        title: One line.
        summary: Markdown.
        annotations: As the API takes them, in an order that does not change.
    """

    title: str
    summary: str
    conclusion: Conclusion
    annotations: tuple[dict[str, object], ...] = ()


def compose(found: Sequence[Found], problems: Sequence[Problem]) -> CheckRun:
    """Say what a push brought, and what is to be done.

    Args:
        found: In the order of the scan, which is always the same.
        problems: What could not be scanned.
    """
    ours = [one for one in found if one.key is not None]
    annotations = [_annotation(one) for one in found if _has_line(one.finding)]
    return CheckRun(
        title=_title(ours, found, problems),
        summary=_summary(found, problems, len(annotations)),
        conclusion="failure" if found else "neutral" if problems else "success",
        annotations=tuple(annotations[:MOST_ANNOTATIONS]),
    )


def code(text: str) -> str:
    """Foreign text as a code span on one line, also inside a table."""
    shown = scrub(harmless(text[:_LONGEST_PATH])).replace("`", "'").replace("|", "¦")
    return f"`{shown}`" if shown.strip() else "`?`"


def _title(ours: Sequence[Found], found: Sequence[Found], problems: Sequence[Problem]) -> str:
    if ours:
        alive = {one.key.id for one in ours if one.key and one.key.state != "revoked"}
        keys = len({one.key.id for one in ours if one.key})
        what = "1 API key of ours was pushed" if keys == 1 else f"{keys} API keys of ours pushed"
        return f"{what}; {_fate(keys, len(alive))}"
    if found:
        return "API keys of another issuer were pushed"
    return "Not everything could be scanned" if problems else "No API keys of ours"


def _fate(keys: int, alive: int) -> str:
    if not alive:
        return "it is revoked" if keys == 1 else "all are revoked"
    return "it still works" if keys == 1 else f"{alive} still work"


def _summary(found: Sequence[Found], problems: Sequence[Problem], annotations: int) -> str:
    parts = []
    if any(one.key for one in found):
        parts.append(_OURS)
    if any(one.key is None for one in found):
        parts.append(_OTHERS)
    if found:
        parts.append(_table(found))
    if annotations > MOST_ANNOTATIONS:
        parts.append(f"{annotations - MOST_ANNOTATIONS} more places are not annotated.")
    if problems:
        parts.append(_problems(problems))
    return "\n\n".join(parts or [_NOTHING])[:_LONGEST_SUMMARY]


def _table(found: Sequence[Found]) -> str:
    rows = [
        f"| {code(one.finding.redacted)} | {_state(one)} | {_place(one.finding)} |"
        for one in found[:_MOST_ROWS]
    ]
    rest = len(found) - len(rows)
    tail = [f"\n{rest} more places are not listed."] if rest else []
    return "\n".join(["| key | now | where |", "| --- | --- | --- |", *rows, *tail])


def _state(found: Found) -> str:
    return "not ours" if found.key is None else found.key.state


def _place(finding: Finding) -> str:
    commit = f" in {finding.commit[:12]}" if finding.commit else ""
    if _has_line(finding):
        return f"{code(f'{finding.path}:{finding.line}')}{commit}"
    named = f" {code(finding.path)}" if finding.path else ""
    return f"{finding.place.replace('-', ' ')}{named}{commit}"


def _problems(problems: Sequence[Problem]) -> str:
    first = "; ".join(sorted({harmless(problem.message)[:200] for problem in problems})[:5])
    return f"{len(problems)} things could not be scanned: {code(first)}."


def _has_line(finding: Finding) -> bool:
    if finding.place != "file" or finding.path is None or finding.line is None:
        return False
    # A name with a key in it is shown cut: there is no such file.
    return scrub(finding.path) == finding.path


def _annotation(found: Found) -> dict[str, object]:
    finding, key = found
    shown = scrub(harmless(finding.redacted))
    if key is None:
        title, level, what = "API key of another issuer", "warning", _OTHERS_SHORT
    elif key.state == "revoked":
        title, level, what = f"API key {key.id} leaked", "failure", _DEAD_SHORT
    else:
        title, level, what = f"API key {key.id} leaked and still works", "failure", _ALIVE_SHORT
    return {
        "path": finding.path,
        "start_line": finding.line,
        "end_line": finding.line,
        "annotation_level": level,
        "title": title,
        "message": f"{shown}: {what}",
    }


_DEAD_SHORT = "revoked; every request with it is refused. Take it out and use a new key."
_ALIVE_SHORT = "whoever can read this can use it. Replace it and take it out."
_OTHERS_SHORT = "its checksum is right, and it was not issued here. Revoke it where it was."
_NOTHING = "What was pushed holds no API key of ours."
_OURS = """\
**API keys were pushed to this repository. One that is `revoked` is dead: every request with it \
is refused.**

1. Ask for a new key, and put it where the old one was used, through a secret store or the \
environment.
2. Take the old key out of the file. A revoked key may stay in history; one that still works must \
be replaced first.
3. Look through the logs for requests that nobody of yours made.

keyfuse tells the owner of each key."""
_OTHERS = """\
Some keys are in the format of keyfuse and have a right checksum, but were not issued here. Revoke \
them where they were issued."""
