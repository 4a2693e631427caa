"""What `keyfuse scan` does, once its arguments are taken apart."""

# A hook cannot afford pathlib.
# ruff: noqa: PTH109

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.git import Repository
from keyfuse_scanner.left_out import InForce, what_is_left_out, with_stale
from keyfuse_scanner.model import Problem, ScanResult
from keyfuse_scanner.policy import Found, find_policy
from keyfuse_scanner.policy_fields import parse_severity
from keyfuse_scanner.reports import PRIVATE, report
from keyfuse_scanner.reports.text import problem_line, stale_line
from keyfuse_scanner.terminal import complain, open_output, wants_colour, write
from keyfuse_scanner.verdict import exit_code

if TYPE_CHECKING:
    from keyfuse_rules.matching import Matcher
    from keyfuse_scanner.examine import Examined
    from keyfuse_scanner.glance import Glimpse
    from keyfuse_scanner.known import Scope
    from keyfuse_scanner.scanning import Scanning


class Request(NamedTuple):
    """The arguments and options of the command, as `keyfuse scan --help` explains them."""

    paths: tuple[str, ...] = ()
    staged: bool = False
    range_: str | None = None
    history: bool = False
    stdin: bool = False
    since: int | None = None
    branch: str | None = None
    format_: str | None = None
    as_json: bool = False
    output: str | None = None
    config: str | None = None
    rule_files: tuple[str, ...] = ()
    rule_set: str | None = None
    only: tuple[str, ...] = ()
    all_: bool = False
    show_secrets: bool = False
    no_decode: bool = False
    no_cache: bool = False
    jobs: int | None = None
    max_file_size: int | None = None
    baseline: str | None = None
    fail_on: str | None = None
    exit_zero: bool = False
    report_to: str | None = None
    report_prefix: tuple[str, ...] = ()


def run(request: Request, glimpse: "Glimpse | None" = None) -> int:
    """Scan, report, and return the exit code.

    Args:
        request: What to do.
        glimpse: What a first look at the index showed, if there was one.

    Raises:
        ScannerError: the options contradict each other, or the scan cannot begin.
    """
    format_ = _format(request)
    found = find_policy(os.getcwd(), request.config, cache=not request.no_cache)
    scan = _scan(request, found, glimpse)
    tell = _reporter(request.report_to, request.report_prefix)
    left_out = what_is_left_out(
        found,
        baseline=request.baseline,
        of_files=_is_of_files(request),
        # What somebody asks to be burned is found whatever the repository says.
        own_keys=request.report_to is None,
    )
    with open_output(request.output) if request.output else nullcontext(sys.stdout) as stream:
        result = scan(left_out)
        scope = None if request.only or found.policy.only else _scope(request, found.root)
        result = with_stale(result, left_out.lists, scope)
        result = result._replace(unreported=tell(result))
        colour = format_ == "text" and wants_colour(stream, os.environ)
        write(stream, report(format_)(result, show_secrets=request.show_secrets, colour=colour))
    _complain(result, format_)
    threshold = parse_severity(request.fail_on) if request.fail_on else found.policy.fail_on
    return exit_code(result, threshold, exit_zero=request.exit_zero)


def _format(request: Request) -> str:
    if request.as_json and request.format_ not in {None, "json"}:
        raise UsageError("--json and --format contradict each other; give one of them")
    format_ = "json" if request.as_json else request.format_ or "text"
    if request.show_secrets and format_ not in PRIVATE:
        raise UsageError(f"--show-secrets: a report in {format_} is for others and never has them")
    return format_


def _scan(
    request: Request, found: Found, glimpse: "Glimpse | None"
) -> Callable[[InForce], ScanResult]:
    """Return what scans as the options say.

    Raises:
        UsageError: they do not say it clearly.
    """
    if glimpse is not None and glimpse.is_clean:
        nothing = ScanResult([], [], glimpse.objects, glimpse.size)
        return lambda _: nothing
    from keyfuse_scanner.scanning import Scanning

    matcher = _matcher(request, found, glimpse)
    policy, wish = found.policy, request.max_file_size
    scanning = Scanning(
        matcher,
        policy.max_file_size if wish is None else wish,
        every=request.all_,
        jobs=request.jobs,
        rules_key=_rules_key(request, found),
    )
    examine = _mode(request, glimpse)

    def scan(left_out: InForce) -> ScanResult:
        from keyfuse_scanner.scan import conclude

        return conclude(
            examine(scanning),
            matcher,
            every=request.all_,
            show_secrets=request.show_secrets,
            suppression=left_out.suppression,
        )

    return scan


def _matcher(request: Request, found: Found, glimpse: "Glimpse | None") -> "Matcher":
    if glimpse is not None:
        from keyfuse_scanner.engine import matcher_of

        return matcher_of(glimpse.engine)
    from keyfuse_scanner.rulebook import make_matcher

    return make_matcher(
        found.policy,
        rule_files=request.rule_files,
        rule_set=request.rule_set,
        only=request.only,
        decode=not request.no_decode,
        cache=not request.no_cache,
    )


def _rules_key(request: Request, found: Found) -> tuple[Any, ...] | None:
    """Return what tells the rules from others, where a scan is to remember what it looked into."""
    if not request.history or request.no_cache:
        return None
    from keyfuse_scanner.rulebook import rules_key

    return rules_key(
        found.policy,
        rule_files=request.rule_files,
        rule_set=request.rule_set,
        only=request.only,
        decode=not request.no_decode,
    )


def _mode(request: Request, glimpse: "Glimpse | None") -> "Callable[[Scanning], Examined]":
    """Return the one way to scan that the options ask for.

    Raises:
        UsageError: they ask for several, or name something that the way does not use.
    """
    from keyfuse_scanner import modes

    paths, range_ = request.paths, request.range_
    if sum((request.staged, range_ is not None, request.history, request.stdin)) > 1:
        raise UsageError("give one of --staged, --range, --history and --stdin")
    if not request.history and (request.since is not None or request.branch is not None):
        raise UsageError("--since and --branch belong to --history")
    if request.stdin:
        if paths:
            raise UsageError("--stdin takes no PATH")
        return lambda scanning: modes.scan_stdin(scanning, sys.stdin.buffer)
    if _is_of_files(request):
        return lambda scanning: modes.scan_files(scanning, paths or (".",))
    if len(paths) > 1:
        raise UsageError("--staged, --range and --history take one PATH at most, the repository")
    repository = Repository(paths[0] if paths else None)
    if request.staged:
        return lambda scanning: modes.scan_staged(scanning, repository, glimpse and glimpse.staged)
    if range_ is not None:
        return lambda scanning: modes.scan_range(scanning, repository, range_)
    return lambda scanning: _scan_history(scanning, repository, request)


def _scan_history(scanning: "Scanning", repository: Repository, request: Request) -> "Examined":
    from time import monotonic

    from keyfuse_scanner.modes import scan_history
    from keyfuse_scanner.progress import shown

    with shown(sys.stderr, monotonic) as progress:
        return scan_history(
            scanning._replace(progress=progress),
            repository,
            since=request.since,
            branch=request.branch,
        )


def _is_of_files(request: Request) -> bool:
    return not (request.staged or request.history or request.range_ is not None)


def _scope(request: Request, root: str) -> "Scope | None":
    """Return what a scan covers completely, so that what it does not find is gone."""
    if request.history:
        return "history" if request.since is None and request.branch is None else None
    if request.stdin or not _is_of_files(request):
        return None
    named = [os.path.realpath(path) for path in request.paths or (".",)]
    return "files" if named == [os.path.realpath(root)] else None


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


def _complain(result: ScanResult, format_: str) -> None:
    problems = [*(() if format_ == "json" else result.errors), *result.unreported]
    for problem in problems:
        complain(problem_line(problem))
    if result.stale:
        complain(stale_line(result))
