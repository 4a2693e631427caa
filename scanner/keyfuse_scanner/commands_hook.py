"""`keyfuse hook`."""

import shutil
import sys
from pathlib import Path

import click

from keyfuse_scanner import hook as pre_commit
from keyfuse_scanner.git import Repository
from keyfuse_scanner.printable import harmless


@click.group()
def hook() -> None:
    """Scan every commit before it is made."""


@hook.command()
def install() -> None:
    """Install the pre-commit hook of this repository; one that is there already runs first."""
    installed = pre_commit.install(Repository(), _program())
    click.echo(f"installed {harmless(str(installed.path))}")
    if installed.chained:
        click.echo("the hook that was there before is kept and runs first")


@hook.command()
def uninstall() -> None:
    """Remove the hook and put back the one that was there before."""
    removed = pre_commit.uninstall(Repository())
    click.echo("removed" if removed else "there is no hook to remove")


@hook.command()
def run() -> int:
    """Scan what is staged; this is what the hook calls."""
    return pre_commit.run()


def _program() -> Path:
    """Return the `keyfuse` that is running, or the one on the search path."""
    started = Path(sys.argv[0]).absolute()
    if started.stem == "keyfuse" and started.is_file():
        return started
    return Path(shutil.which("keyfuse") or "keyfuse")
