"""What `keyfuse scan` does, once its arguments are taken apart."""

# A hook cannot afford pathlib.
# ruff: noqa: PTH109

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from keyfuse_scanner.composing import compose
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.left_out import what_is_left_out, with_stale
from keyfuse_scanner.model import Problem, ScanResult
from keyfuse_scanner.policy import find_policy
from keyfuse_scanner.policy_fields import parse_severity
from keyfuse_scanner.reports import report
from keyfuse_scanner.reports.text import problem_line, stale_line
from keyfuse_scanner.scan_request import Request, format_of
from keyfuse_scanner.terminal import complain, open_output, wants_colour, write
from keyfuse_scanner.verdict import exit_code

if TYPE_CHECKING:
    from keyfuse_scanner.glance import Glimpse
    from keyfuse_scanner.known import Scope


def run(request: Request, glimpse: "Glimpse | None" = None) -> int:
    """Scan, report, and return the exit code.

    Args:
        request: What to do.
        glimpse: What a first look at the index showed, if there was one.

    Raises:
        ScannerError: the options contradict each other, or the scan cannot begin.
    """
    format_ = format_of(request)
    found = find_policy(os.getcwd(), request.config, cache=not request.no_cache)
    if request.report_to is not None:
        found = found._replace(policy=found.policy._replace(own_rule=False))
    scan = compose(request, found, glimpse)
    tell = _reporter(request.report_to, request.report_prefix)
    left_out = what_is_left_out(
        found,
        baseline=request.baseline,
        of_files=request.is_of_files,
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


def _scope(request: Request, root: str) -> "Scope | None":
    """Return what a scan covers completely, so that what it does not find is gone."""
    if request.history:
        return "history" if request.since is None and request.branch is None else None
    if request.stdin or not request.is_of_files:
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
