"""Put hooks in place and take them away: of one repository, or of all of a user's."""

import os
import shlex
from pathlib import Path
from typing import NamedTuple

from keyfuse_scanner import gitplaces
from keyfuse_scanner.errors import HookRefused
from keyfuse_scanner.git import Repository
from keyfuse_scanner.printable import harmless

NAME = "pre-commit"
_BEFORE = "before-keyfuse"
_MARK = "# keyfuse hook"
_SCRIPT = f"""\
#!/bin/sh
{_MARK}; `keyfuse hook uninstall` takes it away
before="${{0%/*}}/{NAME}.{_BEFORE}"
if [ -x "$before" ]; then
    "$before" "$@" || exit $?
fi
"""
_RUN = """\
if [ -x {program} ]; then
    exec {program} hook run
fi
if command -v keyfuse >/dev/null 2>&1; then
    exec keyfuse hook run
fi
echo "keyfuse: not installed any more, so nothing was scanned; install it, or remove $0" >&2
exit 1
"""
# Where core.hooksPath is set git looks nowhere else: each hook of a repository is called from here.
_PASS_ON = f"""\
#!/bin/sh
{_MARK} of all repositories; `keyfuse hook uninstall --global` takes it away
own="$(git rev-parse --git-common-dir)/hooks/{{name}}"
if [ -x "$own" ]; then
    {{how}}"$own" "$@"{{then}}
fi
"""
_PASSED_ON = (
    "applypatch-msg", "commit-msg", "post-applypatch", "post-checkout", "post-commit",
    "post-merge", "post-rewrite", "pre-applypatch", "pre-auto-gc", "pre-merge-commit", "pre-push",
    "pre-rebase", "prepare-commit-msg", "sendemail-validate",
)  # fmt: skip


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
    return _install(_hooks_folder(repository), _SCRIPT + _run(program))


def install_global(program: Path, folder: Path) -> Installed:
    """Put the hook where git looks for the hooks of all repositories of this user.

    Where the user has a folder for them already (core.hooksPath), it goes there. Otherwise one is
    made and named in the user's git configuration; hooks of a repository still run from it.

    Args:
        program: As for `install`.
        folder: The folder to make.

    Raises:
        HookRefused: the folder or the configuration cannot be written.
    """
    configured = gitplaces.global_setting("core.hooksPath")
    if configured is not None and Path(configured).expanduser() != folder:
        return _install(Path(configured).expanduser(), _SCRIPT + _run(program))
    for name in _PASSED_ON:
        _put(folder / name, _passing_on(name, how="exec ", then=""))
    passing_on = _passing_on(NAME, how="", then=" || exit $?")
    installed = _install(folder, passing_on + _run(program))
    gitplaces.set_global("core.hooksPath", str(folder))
    return installed


def uninstall(repository: Repository) -> bool:
    """Take the hook away and put back what was there before; return whether there was one.

    Raises:
        HookRefused: the hook is not ours, or cannot be removed.
    """
    return _uninstall(_hooks_folder(repository))


def uninstall_global(folder: Path) -> bool:
    """Undo `install_global`; return whether there was something to undo.

    Raises:
        HookRefused: the hook is not ours, or cannot be removed.
    """
    configured = gitplaces.global_setting("core.hooksPath")
    if configured is None:
        return False
    if Path(configured).expanduser() != folder:
        return _uninstall(Path(configured).expanduser())
    gitplaces.set_global("core.hooksPath", None)
    for name in _PASSED_ON:
        if _is_ours(folder / name):
            (folder / name).unlink()
    return _uninstall(folder)


def installed(repository: Repository) -> Path | None:
    """Return our hook where git looks for it, put there for this repository or for all."""
    hook = gitplaces.hooks_directory(repository) / NAME
    return hook if _is_ours(hook) else None


def _install(folder: Path, script: str) -> Installed:
    hook, before = folder / NAME, folder / f"{NAME}.{_BEFORE}"
    if os.path.lexists(hook) and not _is_ours(hook):
        if os.path.lexists(before):
            raise HookRefused(
                f"{_shown(hook)}: another program replaced the hook of keyfuse, and"
                f" {before.name} is still there; keep one of them, then install again"
            )
        try:
            hook.rename(before)
        except OSError as error:
            raise _refused(hook, error) from None
    _put(hook, script)
    return Installed(hook, chained=os.path.lexists(before))


def _uninstall(folder: Path) -> bool:
    hook, before = folder / NAME, folder / f"{NAME}.{_BEFORE}"
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


def _run(program: Path) -> str:
    return _RUN.format(program=shlex.quote(str(program)))


def _passing_on(name: str, *, how: str, then: str) -> str:
    return _PASS_ON.format(name=name, how=how, then=then)


def _hooks_folder(repository: Repository) -> Path:
    """Return the hooks folder of this repository alone.

    Raises:
        HookRefused: `core.hooksPath` is set for all repositories of the user or the machine.
    """
    folder = gitplaces.hooks_directory(repository)
    configured = gitplaces.setting(repository, "core.hooksPath")
    if configured is not None and configured[0] in {"global", "system"}:
        raise HookRefused(
            f"core.hooksPath is {harmless(configured[1])} in your {configured[0]} git"
            f" configuration, which serves every repository; `keyfuse hook install --global`"
            " puts the hook there"
        )
    return folder


def _is_ours(hook: Path) -> bool:
    try:
        return _MARK in hook.read_text("utf-8", "replace")
    except OSError:
        return False


def _put(hook: Path, script: str) -> None:
    """Replace the hook in one step: a commit at this moment runs the old one or the new one."""
    draft = hook.with_name(f"{hook.name}.{os.getpid()}")
    try:
        hook.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(script, "utf-8", newline="\n")
        draft.chmod(0o755)
        draft.replace(hook)
    except OSError as error:
        raise _refused(hook, error) from None


def _refused(hook: Path, error: OSError) -> HookRefused:
    return HookRefused(f"{_shown(hook)}: {(error.strerror or 'cannot be written').lower()}")


def _shown(path: Path) -> str:
    return harmless(str(path))
