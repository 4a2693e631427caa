"""`keyfuse action`."""

import os
import sys

import click


@click.command()
def action() -> int:
    """Scan what the event of a GitHub workflow brought; `action.yml` runs this.

    All it needs stands in the environment. Exit codes as of `keyfuse scan`.
    """
    from keyfuse_scanner.action.running import run

    return run(os.environ, sys.stdout)
