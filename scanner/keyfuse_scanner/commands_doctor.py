"""`keyfuse doctor` and `keyfuse completion`."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from keyfuse_scanner.doctor import Check, examine
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.terminal import write_out

_MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--service", metavar="URL", help="Your keyfuse service (default: KEYFUSE_BASE_URL).")
def doctor(*, as_json: bool, service: str | None) -> int:
    """Check that hook, engine, rules and service are in place.

    Exit codes: 0 all is well or works all the same, 1 something has to be done.
    """
    checks = list(examine(Path.cwd(), os.environ, service))
    if as_json:
        write_out([json.dumps([check._asdict() for check in checks], indent=2), "\n"])
    else:
        write_out(_lines(checks))
    return Exit.FINDINGS if any(check.state == "bad" for check in checks) else Exit.CLEAN


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    for check in checks:
        yield f"{_MARKS[check.state]}  {check.name:8} {check.text}\n"
        if check.advice:
            yield f"      {'':8} {check.advice}\n"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print what makes a shell complete commands and options.

    In bash or zsh: eval "$(keyfuse completion bash)" in the shell's start file. In fish: keyfuse
    completion fish | source
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, "keyfuse", "_KEYFUSE_COMPLETE").source())
