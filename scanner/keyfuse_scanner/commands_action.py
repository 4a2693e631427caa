"""`keyfuse action`."""

import os
import sys

import click

from keyfuse_scanner.exits import Exit
from keyfuse_scanner.terminal import write_out


@click.command()
@click.option("--prepare", is_flag=True, help="Only say what the workflow's cache is to hold.")
def action(*, prepare: bool) -> int:
    """Scan what the event of a GitHub workflow brought; `action.yml` runs this.

    All it needs stands in the environment. Exit codes as of `keyfuse scan`.
    """
    if prepare:
        from keyfuse_scanner.action import remembering

        write_out(remembering.prepare())
        return Exit.CLEAN
    from keyfuse_scanner.action.running import run

    return run(os.environ, sys.stdout)
