"""What the hooks of git run: before a commit, on its message, before a push, and on a server."""

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from keyfuse_scanner.exits import Exit
from keyfuse_scanner.git import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from keyfuse_rules.matching import Matcher
    from keyfuse_scanner.engine import Engine
    from keyfuse_scanner.examine import Examined
    from keyfuse_scanner.policy import Found
    from keyfuse_scanner.reports.hook import Moment
    from keyfuse_scanner.scanning import Scanning

# In a message, what follows is the diff that `git commit --verbose` shows.
_SCISSORS = b"------------------------ >8 ------------------------"


def run() -> int:
    """Scan what is about to be committed; return the exit code, which git takes for its verdict.

    The short way: no command line library is loaded, and the report only where there is one.
    """
    from keyfuse_scanner.glance import glance

    glimpse = glance()
    if glimpse is not None and glimpse.is_clean:
        return Exit.CLEAN
    from keyfuse_scanner.modes import scan_staged
    from keyfuse_scanner.sources.staged import staged

    found = _policy()
    changes = staged(Repository()) if glimpse is None else glimpse.staged
    if not changes.new and not changes.added:
        # A pipeline that runs all hooks shall not wait for rules to be compiled for that.
        return Exit.CLEAN
    return _judge(
        lambda scanning: scan_staged(scanning, Repository(), changes),
        found,
        "commit",
        engine=glimpse and glimpse.engine,
    )


def run_message(file: "Path") -> int:
    """Scan the message of a commit; git names the file (githooks(5), commit-msg).

    Raises:
        NoSuchPath: the file is not there.
    """
    from keyfuse_scanner.errors import NoSuchPath
    from keyfuse_scanner.examine import examine
    from keyfuse_scanner.model import Document
    from keyfuse_scanner.printable import harmless

    try:
        message = file.read_bytes().partition(_SCISSORS)[0]
    except OSError:
        raise NoSuchPath(f"{harmless(str(file))}: no message of a commit there") from None
    source = Document("commit-message", None, None, (message,))
    return _judge(lambda scanning: examine([source], scanning.matcher), _policy(), "message")


def run_push(lines: Iterable[str], remote: str | None) -> int:
    """Scan what a push brings to a remote (githooks(5), pre-push).

    Args:
        lines: `<local ref> <local id> <remote ref> <remote id>`, as git writes them.
        remote: Its name; what its branches have, as far as known here, is not new. For a bare URL
            those of all remotes count.
    """
    from keyfuse_scanner.pushed import scan_updates, sent

    updates = sent(lines)
    remotes = "--remotes" if remote is None or ":" in remote else f"--remotes={remote}"
    return _judge(lambda scanning: scan_updates(scanning, updates, remotes), _policy(), "push")


def run_push_range(old: str, new: str) -> int:
    """Scan what a push brings, as pre-commit names its two ends."""
    from keyfuse_scanner.modes import scan_range

    return _judge(
        lambda scanning: scan_range(scanning, Repository(), f"{old}..{new}"),
        _policy(),
        "push",
    )


def run_receive(lines: Iterable[str], found: "Found") -> int:
    """Scan what was pushed to this server (githooks(5), pre-receive).

    Args:
        lines: `<old id> <new id> <ref>`, as git writes them.
        found: The policy of the server. What the repository says about keyfuse keys does not count.
    """
    from keyfuse_scanner.pushed import received, scan_updates

    updates = received(lines)
    return _judge(
        lambda scanning: scan_updates(scanning, updates, "--all"),
        found,
        "receive",
        own_keys=False,
    )


def _judge(
    scan: "Callable[[Scanning], Examined]",
    found: "Found",
    moment: "Moment",
    *,
    own_keys: bool = True,
    engine: "Engine | None" = None,
) -> int:
    from keyfuse_scanner.scanning import Scanning

    matcher = _matcher(found, engine)
    examined = scan(Scanning(matcher, found.policy.max_file_size))
    if not examined.hits and not examined.unscanned:
        return Exit.CLEAN
    from keyfuse_scanner.left_out import what_is_left_out
    from keyfuse_scanner.scan import conclude
    from keyfuse_scanner.verdict import exit_code

    left_out = what_is_left_out(found, own_keys=own_keys)
    result = conclude(examined, matcher, suppression=left_out.suppression)
    if result.findings or result.errors:
        from keyfuse_scanner.reports.hook import render
        from keyfuse_scanner.terminal import wants_colour, write

        colour = wants_colour(sys.stderr, os.environ)
        write(sys.stderr, render(result, colour=colour, moment=moment))
    return exit_code(result, found.policy.fail_on)


def _policy() -> "Found":
    from keyfuse_scanner.policy import find_policy

    return find_policy(os.getcwd())  # noqa: PTH109 - a hook cannot afford pathlib


def _matcher(found: "Found", engine: "Engine | None") -> "Matcher":
    if engine is not None:
        from keyfuse_scanner.engine import matcher_of

        return matcher_of(engine)
    from keyfuse_scanner.rulebook import make_matcher

    return make_matcher(found.policy)
