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
# With --history; those that may be repeated are collected.
_HISTORY_VALUES = {"--format": "format_", "--jobs": "jobs"}
_HISTORY_LISTS = {"--only": "only", "--rules": "rule_files"}
_JOBS_DIGITS = 4


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
    if _MODES.isdisjoint(arguments):
        return None
    if _SCAN_FLAGS.keys() >= set(arguments):
        return {_SCAN_FLAGS[argument]: True for argument in arguments}
    return _history_options(arguments) if "--history" in arguments else None


def _history_options(arguments: Sequence[str]) -> dict[str, Any] | None:
    options: dict[str, Any] = {}
    words = iter(arguments)
    for word in words:
        if word in _SCAN_FLAGS:
            options[_SCAN_FLAGS[word]] = True
        elif word in _HISTORY_VALUES or word in _HISTORY_LISTS:
            value = next(words, "")
            if not _is_plain(value) or not _fits(word, value):
                return None
            if name := _HISTORY_LISTS.get(word):
                options[name] = (*options.get(name, ()), value)
            else:
                options[_HISTORY_VALUES[word]] = int(value) if word == "--jobs" else value
        elif _is_plain(word):
            options["paths"] = (*options.get("paths", ()), word)
        else:
            return None
    return options


def _is_plain(word: str) -> bool:
    """Tell whether a word is a value wherever it stands."""
    return bool(word) and not word.startswith("-")


def _fits(option: str, value: str) -> bool:
    if option == "--jobs":
        is_short = len(value) <= _JOBS_DIGITS and value.isascii() and value.isdigit()
        return is_short and int(value) > 0
    if option == "--format":
        from keyfuse_scanner.reports import REPORTS

        return value in REPORTS
    return True


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
    from keyfuse_scanner.scan_command import run
    from keyfuse_scanner.scan_request import Request

    return run(Request(**options), glimpse)
