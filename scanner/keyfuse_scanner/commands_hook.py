"""`keyfuse hook`."""

import json
import os
import shutil
import sys
from pathlib import Path

import click
import platformdirs

from keyfuse_scanner import hook as hooks
from keyfuse_scanner import hook_install
from keyfuse_scanner.git import Repository
from keyfuse_scanner.policy import Found, Policy, find_policy
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.rulebook import compile_ahead

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_GLOBAL = click.option("--global", "everywhere", is_flag=True, help="For all your repositories.")


@click.group()
def hook() -> None:
    """Scan every commit before it is made."""


@hook.command()
@_GLOBAL
@_JSON
def install(*, everywhere: bool, as_json: bool) -> None:
    """Install the pre-commit hook of this repository; one that is there already runs first."""
    if everywhere:
        installed = hook_install.install_global(program(), _global_folder())
    else:
        installed = hook_install.install(Repository(), program())
    compile_ahead(str(Path.cwd()))
    if as_json:
        click.echo(json.dumps({"path": str(installed.path), "chained": installed.chained}))
        return
    click.echo(f"installed {harmless(str(installed.path))}")
    if installed.chained:
        click.echo("the hook that was there before is kept and runs first")


@hook.command()
@_GLOBAL
@_JSON
def uninstall(*, everywhere: bool, as_json: bool) -> None:
    """Remove the hook and put back the one that was there before."""
    if everywhere:
        removed = hook_install.uninstall_global(_global_folder())
    else:
        removed = hook_install.uninstall(Repository())
    if as_json:
        click.echo(json.dumps({"removed": removed}))
        return
    click.echo("removed" if removed else "there is no hook to remove")


@hook.command()
def run() -> int:
    """Scan what is staged; this is what the hook calls."""
    return hooks.run()


@hook.command()
@click.argument("file", type=click.Path(path_type=Path))
def message(*, file: Path) -> int:
    """Scan the message of a commit, as a commit-msg hook."""
    return hooks.run_message(file)


@hook.command(name="pre-push")
@click.argument("remote", required=False)
@click.argument("url", required=False)
def pre_push(*, remote: str | None, url: str | None) -> int:  # noqa: ARG001 - git names both
    """Scan what a push brings, as a pre-push hook, by itself or under pre-commit."""
    old, new = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    if old and new:
        return hooks.run_push_range(old, new)
    if "PRE_COMMIT_REMOTE_NAME" in os.environ:
        # pre-commit names no range where nothing of the branch is on the remote.
        tip = os.environ.get("PRE_COMMIT_LOCAL_BRANCH", "HEAD")
        return hooks.run_push_range("0" * 40, tip)
    return hooks.run_push(_lines(), remote)


@hook.command(name="pre-receive")
@click.option("--config", metavar="FILE", type=click.Path(), help="Policy of this server.")
def pre_receive(*, config: str | None) -> int:
    """Scan what was pushed to this server, as a pre-receive hook; a policy is its own only."""
    here = str(Path.cwd())
    found = find_policy(here, config) if config else Found(Policy(), here, here)
    return hooks.run_receive(_lines(), found)


def _lines() -> list[str]:
    """Return what git says of a push; names of refs are bytes of any kind."""
    return os.fsdecode(sys.stdin.buffer.read()).split("\n")


def _global_folder() -> Path:
    return platformdirs.user_config_path("keyfuse", appauthor=False) / "hooks"


def program() -> Path:
    """Return the `keyfuse` that is running, or the one on the search path."""
    started = Path(sys.argv[0]).absolute()
    if started.stem == "keyfuse" and started.is_file():
        return started
    return Path(shutil.which("keyfuse") or "keyfuse")
