"""The pre-commit hook: put it in place, take it away, run it."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_scanner import git
from keyfuse_scanner.errors import HookRefused
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.git import Repository
from keyfuse_scanner.printable import harmless

if TYPE_CHECKING:
    from keyfuse_rules.matching import Matcher
    from keyfuse_scanner.examine import Examined
    from keyfuse_scanner.policy import Found

NAME = "pre-commit"
_BEFORE = "pre-commit.before-keyfuse"
_MARK = "# keyfuse pre-commit hook"
_SCRIPT = f"""\
#!/bin/sh
{_MARK}; `keyfuse hook uninstall` takes it away
before="$(dirname "$0")/{_BEFORE}"
if [ -x "$before" ]; then
    "$before" "$@" || exit $?
fi
if [ -x {{program}} ]; then
    exec {{program}} hook run
fi
if command -v keyfuse >/dev/null 2>&1; then
    exec keyfuse hook run
fi
echo "keyfuse: not installed any more, so nothing was scanned; install it, or remove $0" >&2
exit 1
"""


class Installed(NamedTuple):
    """What installing did.

    Attributes:
        path: The hook.
        chained: Whether a hook that was there before runs first.
    """

    path: Path
    chained: bool


def install(repository: Repository, program: Path) -> Installed:
    """Put the hook where git looks for it. A hook that is there already is kept and runs first.

    Args:
        repository: Whose hook.
        program: The `keyfuse` to run; the one on the search path runs where it has gone away.

    Raises:
        HookRefused: the hooks folder serves other repositories too, or cannot be written.
    """
    folder = _hooks_folder(repository)
    hook, before = folder / NAME, folder / _BEFORE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(hook) and not _is_ours(hook):
            if os.path.lexists(before):
                raise HookRefused(
                    f"{_shown(hook)}: another program replaced the hook of keyfuse, and"
                    f" {_BEFORE} is still there; keep one of them, then install again"
                )
            hook.rename(before)
        _write(hook, _SCRIPT.format(program=shlex.quote(str(program))))
    except OSError as error:
        raise _refused(hook, error) from None
    return Installed(hook, chained=os.path.lexists(before))


def uninstall(repository: Repository) -> bool:
    """Take the hook away and put back what was there before; return whether there was one.

    Raises:
        HookRefused: the hook is not ours, or cannot be removed.
    """
    folder = _hooks_folder(repository)
    hook, before = folder / NAME, folder / _BEFORE
    if not os.path.lexists(hook):
        return False
    if not _is_ours(hook):
        raise HookRefused(f"{_shown(hook)}: not the hook of keyfuse; left as it is")
    try:
        if os.path.lexists(before):
            before.replace(hook)
        else:
            hook.unlink()
    except OSError as error:
        raise _refused(hook, error) from None
    return True


def run() -> int:
    """Scan what is about to be committed; return the exit code, which git takes for its verdict.

    The short way: no command line library is loaded, and the report only where there is one.
    """
    from keyfuse_scanner.modes import Scanning, scan_staged
    from keyfuse_scanner.policy import find_policy
    from keyfuse_scanner.rulebook import make_matcher

    found = find_policy(Path.cwd())
    matcher = make_matcher(found.policy)
    examined = scan_staged(Scanning(matcher, found.policy.max_file_size), Repository())
    if not examined.hits and not examined.unscanned:
        return Exit.CLEAN
    return _report(examined, matcher, found)


def _report(examined: "Examined", matcher: "Matcher", found: "Found") -> int:
    from keyfuse_scanner.left_out import what_is_left_out
    from keyfuse_scanner.scan import conclude
    from keyfuse_scanner.verdict import exit_code

    result = conclude(examined, matcher, suppression=what_is_left_out(found).suppression)
    if result.findings or result.errors:
        from keyfuse_scanner.reports.hook import render
        from keyfuse_scanner.terminal import wants_colour, write

        write(sys.stderr, render(result, colour=wants_colour(sys.stderr, os.environ)))
    return exit_code(result, found.policy.fail_on)


def _hooks_folder(repository: Repository) -> Path:
    """Return the hooks folder of this repository alone.

    Raises:
        HookRefused: `core.hooksPath` is set for all repositories of the user or the machine.
    """
    folder = git.hooks_directory(repository)
    configured = git.setting(repository, "core.hooksPath")
    if configured is not None and configured[0] in {"global", "system"}:
        raise HookRefused(
            f"core.hooksPath is {harmless(configured[1])} in your {configured[0]} git"
            f" configuration, which serves every repository; let its {NAME} call"
            " `keyfuse hook run`, or set core.hooksPath for this repository"
        )
    return folder


def _is_ours(hook: Path) -> bool:
    try:
        return _MARK in hook.read_text("utf-8", "replace")
    except OSError:
        return False


def _write(hook: Path, script: str) -> None:
    """Replace the hook in one step: a commit at this moment runs the old one or the new one."""
    draft = hook.with_name(f"{NAME}.{os.getpid()}")
    draft.write_text(script, "utf-8", newline="\n")
    draft.chmod(0o755)
    draft.replace(hook)


def _refused(hook: Path, error: OSError) -> HookRefused:
    return HookRefused(f"{_shown(hook)}: {(error.strerror or 'cannot be written').lower()}")


def _shown(path: Path) -> str:
    return harmless(str(path))
