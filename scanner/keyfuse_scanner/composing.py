"""From the options of a scan to the one function that carries it out."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.git import Repository
from keyfuse_scanner.left_out import InForce
from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.policy import Found
from keyfuse_scanner.scan_request import Request

if TYPE_CHECKING:
    from keyfuse_rules.matching import Matcher
    from keyfuse_scanner.examine import Examined
    from keyfuse_scanner.glance import Glimpse
    from keyfuse_scanner.scanning import Scanning


def compose(
    request: Request, found: Found, glimpse: "Glimpse | None"
) -> Callable[[InForce], ScanResult]:
    """Return what scans as the options say: with which rules, and in which way.

    Args:
        request: The options.
        found: The policy in force.
        glimpse: What a first look at the index showed, if there was one.

    Raises:
        UsageError: the options do not say it clearly.
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
    if request.is_of_files:
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
