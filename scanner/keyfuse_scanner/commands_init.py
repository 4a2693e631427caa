"""`keyfuse init`: an interview, or its answers as options."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from keyfuse_rules.errors import RulesError
from keyfuse_scanner import git, hook_install, leak_report
from keyfuse_scanner.commands_hook import program
from keyfuse_scanner.errors import HookRefused, UsageError
from keyfuse_scanner.git import Repository
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.rulebook import compile_ahead
from keyfuse_scanner.setup import prefix as prefixes
from keyfuse_scanner.setup.files import HOOKS, Outcome, Wishes, foreign_lists, proposals, settle
from keyfuse_scanner.setup.frameworks import SNIPPETS, framework_of
from keyfuse_scanner.setup.source import Source, installed_source, parse_source
from keyfuse_scanner.terminal import write_out

Hook = Literal["pre-commit", "git", "none"]
_HOOKS: tuple[Hook, ...] = ("pre-commit", "git", "none")
_NONE = "none"


@click.command()
@click.option("--prefix", "given", metavar="PREFIX", multiple=True, help="Of your keys; repeat.")
@click.option("--hook", type=click.Choice(_HOOKS), help="How commits are scanned.")
@click.option("--source", metavar="OWNER/NAME@COMMIT", help="Your keyfuse, for the workflow.")
@click.option("--report-to", metavar="URL", help="Your keyfuse service; the workflow burns there.")
@click.option("--framework", type=click.Choice([*SNIPPETS, _NONE]), help="Of your API.")
@click.option("--yes", is_flag=True, help="Ask nothing; take what is not given as it is seen.")
@click.option("--json", "as_json", is_flag=True, help="Ask nothing, and print JSON.")
def init(*, given: tuple[str, ...], yes: bool, as_json: bool, **options: Any) -> int | None:
    """Set a repository up: keyfuse.toml, hook, workflow, and middleware for its API.

    What is not given as an option is asked. No file is overwritten: run it as often as you like.
    """
    root = _root()
    asks = not (yes or as_json)
    chosen = _prefixes(given, root, asks)
    if chosen and not as_json:
        write_out(f"    {line}\n" for prefix in chosen for line in prefixes.judge(prefix))
    wishes = _wishes(root, chosen, asks, **options)
    outcomes = [settle(root, proposal) for proposal in proposals(root, wishes)]
    notes = [*_hook_notes(wishes, outcomes), *_next(root, wishes)]
    if as_json:
        made = [{"path": done.proposal.path, "outcome": done.outcome} for done in outcomes]
        write_out([json.dumps({"files": made, "next": notes}, indent=2), "\n"])
    else:
        write_out(_report(outcomes, notes))
    return None


def _root() -> Path:
    """Return the top of the repository, where all files go.

    Raises:
        NotARepository: this is none.
    """
    printed = git.run(Repository(), "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(printed.rstrip(b"\r\n")))


def _prefixes(given: tuple[str, ...], root: Path, asks: bool) -> tuple[str, ...]:
    """Return the prefixes of the keys that are issued here; none where none are.

    Raises:
        UsageError: no key may carry one that was given.
    """
    if given or not asks:
        for prefix in given:
            try:
                prefixes.judge(prefix)
            except RulesError as error:
                raise UsageError(f"--prefix: {error}") from None
        return tuple(dict.fromkeys(given))
    write_out(f"{line}\n" for line in prefixes.explain())
    while True:
        answer = click.prompt(
            "Prefixes of your keys, or none if you issue none", default=prefixes.suggest(root.name)
        )
        chosen = tuple(dict.fromkeys(str(answer).replace(",", " ").split()))
        if chosen == (_NONE,):
            return ()
        try:
            for prefix in chosen:
                prefixes.judge(prefix)
        except RulesError as error:
            click.echo(harmless(str(error)))
        else:
            return chosen


def _wishes(
    root: Path,
    chosen: tuple[str, ...],
    asks: bool,
    *,
    hook: Hook | None,
    source: str | None,
    report_to: str | None,
    framework: str | None,
) -> Wishes:
    """Return what is wanted: as given, else as answered, else as it is seen."""
    hook = hook or _likely_hook(root, asks)
    found = parse_source(source) if source else installed_source()
    if asks and not source:
        found = _ask_source(found)
    if report_to is None:
        report_to = _ask_service() if asks and chosen and found else ""
    if report_to:
        leak_report.target(report_to, chosen)
    if framework is None:
        framework = framework_of(root) if chosen else None
        if asks and framework and not click.confirm(f"Middleware for {framework}?", default=True):
            framework = None
    framework = None if framework == _NONE else framework
    return Wishes(chosen, hook, found, report_to, framework)


def _likely_hook(root: Path, asks: bool) -> Hook:
    seen = (root / HOOKS).exists() or shutil.which("pre-commit") or shutil.which("prek")
    likely: Hook = "pre-commit" if seen else "git"
    if not asks:
        return likely
    answer: Hook = click.prompt("Scan commits by", type=click.Choice(_HOOKS), default=likely)
    return answer


def _ask_source(found: Source | None) -> Source | None:
    question = "Your copy of keyfuse on GitHub, owner/name@commit, or none for no workflow"
    while True:
        answer = click.prompt(question, default=str(found or _NONE))
        if answer == _NONE:
            return None
        try:
            return parse_source(answer)
        except UsageError as error:
            click.echo(str(error))


def _ask_service() -> str:
    answer = click.prompt("Address of your keyfuse service, or none", default=_NONE)
    return "" if answer == _NONE else str(answer)


def _hook_notes(wishes: Wishes, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Install git's own hook where it is wanted; yield what was done, or is to be done."""
    if wishes.hook == "git":
        try:
            installed = hook_install.install(Repository(), program())
        except HookRefused as error:
            yield f"no hook was installed: {error}"
        else:
            compile_ahead(str(Path.cwd()))
            yield f"installed {harmless(str(installed.path))}"
    if any(done.proposal.path == HOOKS and done.outcome != "kept" for done in outcomes):
        yield "run `pre-commit install` (or `prek install`), as everybody who clones this has to"


def _next(root: Path, wishes: Wishes) -> Iterator[str]:
    """Yield what is left to do."""
    for names in foreign_lists(root).values():
        for name in names:
            if not name.endswith((".toml", ".yml", ".yaml")):
                yield f"`keyfuse baseline import {name}` takes over what is known"
    yield "`keyfuse scan --history` shows what leaked so far; `keyfuse baseline create` accepts it"
    if wishes.source is None:
        yield "a workflow needs your copy of keyfuse: `keyfuse init --source OWNER/NAME@COMMIT`"
    for prefix in wishes.prefixes:
        yield f"`keyfuse keys issue --prefix {prefix} --owner you@example.com --name first` issues"
        yield f"`keyfuse rules export {prefix} --to github` is the text of an application to GitHub"
    if wishes.prefixes and not wishes.report_to:
        yield "with a service (`keyfuse serve`), --report-to lets the workflow burn keys at once"


def _report(outcomes: Sequence[Outcome], notes: Iterable[str]) -> Iterator[str]:
    for done in outcomes:
        yield f"{done.outcome:10} {done.proposal.path}\n"
    for done in outcomes:
        if done.outcome == "kept":
            yield f"\n{done.proposal.path} is there already and was not touched. It would be:\n\n"
            yield from (f"    {line}\n" for line in done.proposal.text.splitlines())
    yield "\n"
    yield from (f"- {note}\n" for note in notes)
