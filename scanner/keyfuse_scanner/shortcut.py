"""The short way past click, for what hooks and scripts call most: click takes as long as a scan.

Only arguments that click takes in exactly this way go it; everything else, mistakes and `--help`
included, goes to click. A test holds both to the same.
"""

from collections.abc import Callable, Sequence
from typing import Any

from keyfuse_scanner.exits import Exit

_SCAN_FLAGS = {
    "--staged": "staged",
    "--history": "history",
    "--all": "all_",
    "--exit-zero": "exit_zero",
    "--json": "as_json",
    "--no-cache": "no_cache",
    "--no-decode": "no_decode",
    "--show-secrets": "show_secrets",
}
_MODES = frozenset(("--staged", "--history"))


def shortcut(arguments: Sequence[str]) -> Callable[[], int] | None:
    """Return what the arguments ask for, or None where click has to read them."""
    if list(arguments) == ["hook", "run"]:
        return _hook
    if arguments[:1] == ["scan"]:
        options = scan_options(arguments[1:])
        return None if options is None else lambda: _scan(options)
    return None


def scan_options(arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return options of `keyfuse scan`, or None where click has to read them."""
    if _MODES.isdisjoint(arguments) or not _SCAN_FLAGS.keys() >= set(arguments):
        return None
    return {_SCAN_FLAGS[argument]: True for argument in arguments}


def _hook() -> int:
    from keyfuse_scanner.hook import run

    return run()


def _scan(options: dict[str, Any]) -> int:
    glimpse = None
    if options.keys().isdisjoint(("history", "no_cache")):
        from keyfuse_scanner.glance import glance

        glimpse = glance(decode="no_decode" not in options)
    if glimpse is not None and "as_json" not in options:
        from keyfuse_scanner.allclear import all_clear

        if all_clear(glimpse):
            return Exit.CLEAN
    from keyfuse_scanner.scan_command import Request, run

    return run(Request(**options), glimpse)
