"""Where the console script begins: the short way where there is one, click for everything else."""

import gc
import os
import sys
from typing import NoReturn

from keyfuse_scanner.errors import ScannerError
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.shortcut import shortcut


def main() -> NoReturn:
    """Run the command in `sys.argv` and leave with its exit code."""
    if None in {sys.stdin, sys.stdout, sys.stderr}:
        from keyfuse_scanner.terminal import open_ends

        open_ends()
    if sys.argv[1:] == ["hook", "run"] or "--staged" in sys.argv:
        # Looking for garbage while much is imported takes a hook milliseconds, and finds none.
        gc.disable()
    code = run(sys.argv[1:])
    if _is_all_done():
        os._exit(code)
    sys.exit(code)


def _is_all_done() -> bool:
    """Tell whether nothing is left to be done; taking Python down would take a hook milliseconds.

    Other threads, and what somebody registered for the end, need an orderly one.
    """
    if "threading" in sys.modules or "atexit" in sys.modules:
        return False
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return False  # Python says so at its end
    return True


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code. Expected failures are one line on standard error."""
    try:
        command = shortcut(arguments)
        return _run_click(arguments) if command is None else command()
    except ScannerError as error:
        return _failed(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _failed("interrupted", Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last resort, so that a bug has its exit code
        return _failed(_bug(error), Exit.BUG)


def _run_click(arguments: list[str]) -> int:
    import click

    from keyfuse_rules.redact import scrub
    from keyfuse_scanner.cli import keyfuse

    try:
        result = keyfuse.main(arguments, prog_name="keyfuse", standalone_mode=False)
    except click.UsageError as error:
        click.UsageError(scrub(error.format_message()), error.ctx).show()
        return Exit.USAGE
    except click.ClickException as error:
        click.ClickException(scrub(error.format_message())).show()
        # click's own default of 1 would say that there are findings.
        return Exit.USAGE if error.exit_code == 1 else error.exit_code
    except click.Abort:
        return _failed("interrupted", Exit.INTERRUPTED)
    return result if isinstance(result, int) else Exit.CLEAN


def _failed(message: str, code: Exit) -> int:
    """Say why. Who gives a key where none belongs does not see it again: this may be a log."""
    from keyfuse_rules.redact import scrub
    from keyfuse_scanner.terminal import complain

    complain(scrub(message))
    return code


def _bug(error: Exception) -> str:
    """Return where a bug showed. Not its message and no values: they may hold a secret."""
    from traceback import extract_tb

    places = [
        f"{frame.name} ({frame.filename}:{frame.lineno})"
        for frame in extract_tb(error.__traceback__)
    ]
    trail = " < ".join(reversed(places[-4:]))
    return f"this is a bug, please report it: {type(error).__name__} in {trail}"
