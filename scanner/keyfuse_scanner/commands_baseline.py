"""`keyfuse baseline`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from keyfuse_scanner.audit import context
from keyfuse_scanner.baseline import (
    entries_of,
    merge_by_union,
    scan_scope,
    updated,
    write_baseline,
)
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.known import Entry, Scope, Verdict
from keyfuse_scanner.left_out import read_known
from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.policy import Found, find_policy
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.reports.text import problem_line
from keyfuse_scanner.rulebook import make_matcher
from keyfuse_scanner.scan import Show, redacting
from keyfuse_scanner.terminal import complain

_Command = TypeVar("_Command", bound=Callable[..., Any])
_ANSWERS: Mapping[str, Verdict] = {"y": "real", "n": "false"}


class _Where(NamedTuple):
    """The policy in force, the file of the baseline, and whether to print JSON."""

    found: Found
    path: Path
    as_json: bool


@click.group()
def baseline() -> None:
    """Secrets that are known and no longer reported."""


def _common(command: _Command) -> _Command:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--config", metavar="FILE", type=click.Path(), help="Policy file."),
        click.option("--baseline", "file", metavar="FILE", type=click.Path(), help="Its file."),
    ):
        command = option(command)
    return command


@baseline.command()
@click.option("--history", is_flag=True, help="Of all history, not of the files alone.")
@_common
def create(*, history: bool, **options: Any) -> int:
    """Make a baseline of all that is found now."""
    where = _where(**options)
    if where.path.exists():
        raise UsageError(
            f"{_shown(where)}: there is one already; `keyfuse baseline update` changes it"
        )
    scope: Scope = "history" if history else "files"
    result = scan_scope(where.found, scope).result
    entries = entries_of(result.findings)
    _write(where, entries, scope)
    _say(where, {"entries": len(entries)}, f"{len(entries)} known in {_shown(where)}")
    return _incomplete(result)


@baseline.command()
@_common
def update(**options: Any) -> int:
    """Scan again, add what is new and drop what is found no more."""
    where = _where(**options)
    known = read_known(where.path, required=True)
    scope = known.scope or "files"
    result = scan_scope(where.found, scope).result
    change = updated(known, result)
    _write(where, change.entries, scope)
    figures = {"entries": len(change.entries), "added": change.added, "dropped": change.dropped}
    _say(
        where,
        figures,
        f"{len(change.entries)} known in {_shown(where)}:"
        f" {len(change.added)} added, {len(change.dropped)} stale ones dropped",
    )
    return _incomplete(result)


@baseline.command()
@_common
def audit(**options: Any) -> int:
    """Ask of each secret whether it is a real one: y, n, s to skip, q to stop.

    With --json nothing is asked; what was said so far is counted.
    """
    where = _where(**options)
    known = read_known(where.path, required=True)
    entries = dict(known.entries)
    if not where.as_json and any(entry.verdict == "unaudited" for entry in entries.values()):
        scope = known.scope or "files"
        scanned = scan_scope(where.found, scope)
        try:
            _ask(entries, scanned.result, Path(where.found.root), redacting(scanned.matcher))
        finally:
            _write(where, entries, scope)
    verdicts = [entry.verdict for entry in entries.values()]
    figures = {name: verdicts.count(name) for name in ("real", "false", "unaudited")}
    _say(where, figures, ", ".join(f"{count} {name}" for name, count in figures.items()))
    return Exit.CLEAN


@baseline.command(name="import")
@click.argument("source", metavar="FILE", type=click.Path())
@_common
def import_(*, source: str, **options: Any) -> int:
    """Take over a .gitleaksignore, a JSON report of gitleaks, or a .secrets.baseline."""
    from keyfuse_scanner.baseline_import import import_places, parse_foreign

    where = _where(**options)
    try:
        text = Path(source).read_text("utf-8", "surrogateescape")
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise UsageError(f"{harmless(source)}: {reason}") from None
    places = parse_foreign(text, source)
    matcher = make_matcher(where.found.policy)
    imported = import_places(places, Path(where.found.root), matcher)
    known = read_known(where.path)
    entries = {**imported.entries, **known.entries}
    of_history = known.scope == "history" or any(place.commit for place in places)
    _write(where, entries, "history" if of_history else "files")
    for place in imported.nothing:
        complain(f"{harmless(place.path)}:{place.line}: keyfuse finds nothing there")
    added = len(entries) - len(known.entries)
    figures = {"entries": len(entries), "added": added, "nothing": len(imported.nothing)}
    _say(where, figures, f"{len(entries)} known in {_shown(where)}: {added} added")
    return Exit.CLEAN


def _where(*, file: str | None, config: str | None, as_json: bool) -> _Where:
    found = find_policy(Path.cwd(), config)
    path = Path(file) if file else Path(found.folder, found.policy.baseline)
    return _Where(found, path, as_json)


def _write(where: _Where, entries: Mapping[str, Entry], scope: Scope) -> None:
    write_baseline(where.path, entries.values(), scope)
    if merge_by_union(Path(where.found.root), where.path) and not where.as_json:
        click.echo("added a line to .gitattributes: branches that change the baseline merge")


def _ask(entries: dict[str, Entry], result: ScanResult, root: Path, show: Show) -> None:
    """Ask about each entry that is found, and note the answers."""
    open_ones = {name for name, entry in entries.items() if entry.verdict == "unaudited"}
    places: dict[str, list[Finding]] = {}
    for finding in result.findings:
        if finding.fingerprint in open_ones:
            places.setdefault(finding.fingerprint, []).append(finding)
    for number, (name, findings) in enumerate(sorted(places.items()), 1):
        _present(findings, f"{number} of {len(places)}", root, show)
        choice = click.Choice(["y", "n", "s", "q"])
        answer = click.prompt("A real secret?", type=choice, default="s")
        if answer == "q":
            return
        if answer in _ANSWERS:
            entries[name] = entries[name]._replace(verdict=_ANSWERS[answer])


def _present(findings: list[Finding], number: str, root: Path, show: Show) -> None:
    first = findings[0]
    where = harmless(f"{first.path or first.place}:{first.line}")
    click.echo(f"\n{number}  {where}: {first.title}  {harmless(first.redacted)}")
    for line in context(first, root, show):
        click.echo(line)
    if len(findings) > 1:
        click.echo(f"and in {len(findings) - 1} more files")


def _say(where: _Where, figures: Mapping[str, object], line: str) -> None:
    click.echo(json.dumps(figures) if where.as_json else line)


def _incomplete(result: ScanResult) -> int:
    for problem in result.errors:
        complain(problem_line(problem))
    return Exit.CLEAN if result.complete else Exit.INCOMPLETE


def _shown(where: _Where) -> str:
    return harmless(str(where.path))
