"""`keyfuse scan`."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from keyfuse_rules.model import RULE_SETS, Severity
from keyfuse_scanner import modes
from keyfuse_scanner.dates import parse_since
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.examine import Examined
from keyfuse_scanner.git import Repository
from keyfuse_scanner.known import Scope
from keyfuse_scanner.left_out import what_is_left_out, with_stale
from keyfuse_scanner.model import Problem, ScanResult
from keyfuse_scanner.modes import Scanning
from keyfuse_scanner.policy import find_policy, parse_severity, parse_size
from keyfuse_scanner.reports import PRIVATE, REPORTS, report
from keyfuse_scanner.reports.text import problem_line, stale_line
from keyfuse_scanner.rulebook import make_matcher, rules_key
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.terminal import complain, open_output, wants_colour, write
from keyfuse_scanner.verdict import exit_code

_SEVERITIES = [severity.label for severity in reversed(Severity)]


class Size(click.ParamType[int]):
    """Bytes, such as `10m`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Since(click.ParamType[int]):
    """A date, a time, or how long ago, such as `90d`."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds since 1970."""
        try:
            return parse_since(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("--staged", is_flag=True, help="Scan what is about to be committed.")
@click.option(
    "--range", "range_", metavar="A..B", help="Scan what commits in B and not in A bring."
)
@click.option("--history", is_flag=True, help="Scan every object of the repository.")
@click.option("--stdin", is_flag=True, help="Scan standard input.")
@click.option("--since", type=Since(), help="With --history: only commits since then, such as 90d.")
@click.option("--branch", metavar="REF", help="With --history: only what this reaches.")
@click.option("--format", "format_", type=click.Choice(list(REPORTS)), help="Default: text.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--output", metavar="FILE", type=click.Path(), help="Write the report to a file.")
@click.option(
    "--config", metavar="FILE", type=click.Path(), help="Policy file, instead of keyfuse.toml."
)
@click.option(
    "--rules",
    "rule_files",
    metavar="PATH",
    multiple=True,
    type=click.Path(),
    help="Use the rules of this file or folder, too; may be repeated.",
)
@click.option("--rule-set", type=click.Choice(RULE_SETS), help="Default: default.")
@click.option("--only", metavar="ID", multiple=True, help="Use only this rule; may be repeated.")
@click.option("--all", "all_", is_flag=True, help="Show what does not count, too, and why.")
@click.option("--show-secrets", is_flag=True, help="Show secrets in full.")
@click.option("--no-decode", is_flag=True, help="Leave encoded text and archives as they are.")
@click.option("--no-cache", is_flag=True, help="Use nothing from earlier scans, keep nothing.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="With --history: processes at most.",
)
@click.option("--max-file-size", type=Size(), help="Leave larger files out, and say so.")
@click.option(
    "--baseline", metavar="FILE", type=click.Path(), help="Known secrets, instead of the policy's."
)
@click.option("--fail-on", type=click.Choice(_SEVERITIES), help="Least severity that fails.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 even when there are findings.")
@click.option(
    "--report-to", metavar="URL", help="Burn what is found at the service that issued it."
)
@click.option(
    "--report-prefix",
    metavar="PREFIX",
    multiple=True,
    help="With --report-to: send keys with this prefix; may be repeated.",
)
def scan(
    *,
    paths: tuple[str, ...],
    format_: str | None,
    as_json: bool,
    output: str | None,
    config: str | None,
    rule_files: tuple[str, ...],
    rule_set: str | None,
    only: tuple[str, ...],
    all_: bool,
    show_secrets: bool,
    no_decode: bool,
    no_cache: bool,
    jobs: int | None,
    max_file_size: int | None,
    baseline: str | None,
    fail_on: str | None,
    exit_zero: bool,
    report_to: str | None,
    report_prefix: tuple[str, ...],
    **mode: Any,
) -> int:
    """Find secrets in files, in what is staged, in a range of commits, or in all history.

    Without an option PATHs are files and folders of the work tree (default: here; ignored files
    too). With --staged, --range or --history one PATH may name the repository.

    Exit codes: 0 clean, 1 findings, 2 usage, 3 not everything could be scanned and nothing was
    found.
    """
    if as_json and format_ not in {None, "json"}:
        raise UsageError("--json and --format contradict each other; give one of them")
    format_ = "json" if as_json else format_ or "text"
    if show_secrets and format_ not in PRIVATE:
        raise UsageError(f"--show-secrets: a report in {format_} is for others and never has them")
    found = find_policy(Path.cwd(), Path(config) if config else None, cache=not no_cache)
    policy = found.policy
    matcher = make_matcher(
        policy,
        rule_files=rule_files,
        rule_set=rule_set,
        only=only,
        decode=not no_decode,
        cache=not no_cache,
    )
    limit = policy.max_file_size if max_file_size is None else max_file_size
    scanning = Scanning(matcher, limit, every=all_, jobs=jobs)
    if mode["history"] and not no_cache:
        key = rules_key(
            policy, rule_files=rule_files, rule_set=rule_set, only=only, decode=not no_decode
        )
        scanning = scanning._replace(rules_key=key)
    examine = _mode(paths, **mode)
    tell = _reporter(report_to, report_prefix)
    # What somebody asks to be burned is found whatever the repository says.
    own_keys = report_to is None
    left_out = what_is_left_out(
        found, baseline=baseline, of_files=_is_of_files(**mode), own_keys=own_keys
    )
    with open_output(output) if output else nullcontext(sys.stdout) as stream:
        result = conclude(
            examine(scanning),
            matcher,
            every=all_,
            show_secrets=show_secrets,
            suppression=left_out.suppression,
        )
        scope = None if only or policy.only else _scope(paths, found.root, **mode)
        result = with_stale(result, left_out.lists, scope)
        result = result._replace(unreported=tell(result))
        colour = format_ == "text" and wants_colour(stream, os.environ)
        write(stream, report(format_)(result, show_secrets=show_secrets, colour=colour))
    if format_ != "json":
        for problem in result.errors:
            complain(problem_line(problem))
    for problem in result.unreported:
        complain(problem_line(problem))
    if result.stale:
        complain(stale_line(result))
    threshold = parse_severity(fail_on) if fail_on else policy.fail_on
    return exit_code(result, threshold, exit_zero=exit_zero)


def _is_of_files(*, staged: bool, range_: str | None, history: bool, **_: Any) -> bool:
    return not (staged or history or range_ is not None)


def _scope(
    paths: tuple[str, ...],
    root: Path,
    *,
    history: bool,
    stdin: bool,
    since: int | None,
    branch: str | None,
    **others: Any,
) -> Scope | None:
    """Return what a scan covers completely, so that what it does not find is gone."""
    if history:
        return "history" if since is None and branch is None else None
    whole = stdin is False and [Path(path).resolve() for path in paths or (".",)] == [
        root.resolve()
    ]
    return "files" if whole and _is_of_files(history=history, **others) else None


def _reporter(url: str | None, prefixes: tuple[str, ...]) -> Callable[[ScanResult], list[Problem]]:
    """Return what tells the issuing service of findings; nothing is sent where no URL is given.

    Raises:
        UsageError: the options do not say clearly which keys go where.
    """
    if url is None:
        if prefixes:
            raise UsageError("--report-prefix belongs to --report-to")
        return lambda _: []
    from keyfuse_scanner import leak_report

    where = leak_report.target(url, prefixes)
    return lambda result: leak_report.send(where, result.findings)


def _mode(
    paths: tuple[str, ...],
    *,
    staged: bool,
    range_: str | None,
    history: bool,
    stdin: bool,
    since: int | None,
    branch: str | None,
) -> Callable[[Scanning], Examined]:
    """Return the one way to scan that the options ask for.

    Raises:
        UsageError: they ask for several, or name something that the way does not use.
    """
    if sum((staged, range_ is not None, history, stdin)) > 1:
        raise UsageError("give one of --staged, --range, --history and --stdin")
    if not history and (since is not None or branch is not None):
        raise UsageError("--since and --branch belong to --history")
    if stdin:
        if paths:
            raise UsageError("--stdin takes no PATH")
        return lambda scanning: modes.scan_stdin(scanning, sys.stdin.buffer)
    if not (staged or history or range_ is not None):
        return lambda scanning: modes.scan_files(scanning, paths or (".",))
    if len(paths) > 1:
        raise UsageError("--staged, --range and --history take one PATH at most, the repository")
    repository = Repository(paths[0] if paths else None)
    if staged:
        return lambda scanning: modes.scan_staged(scanning, repository)
    if range_ is not None:
        return lambda scanning: modes.scan_range(scanning, repository, range_)
    return lambda scanning: modes.scan_history(scanning, repository, since=since, branch=branch)
