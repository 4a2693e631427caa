"""The service's commands: parse, compose, exit code."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyfuse_rules.redact import scrub
from keyfuse_scanner.exits import Exit
from keyfuse_store.errors import StoreError
from keyfuse_store.settings import Settings
from keyfuse_webhook.errors import WebhookError

if TYPE_CHECKING:
    from keyfuse_webhook.app import Role

_ROLES = ("all", "public", "private")


_METRICS_HOST = click.option(
    "--metrics-host", default="127.0.0.1", show_default=True, help="Address of --metrics-port."
)
_METRICS_PORT = click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="Show metrics on a port of their own."
)
_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the service settings (TOML).",
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default="all",
    show_default=True,
    help="public: what GitHub calls. private: verification and the rest.",
)
@click.option("--no-worker", is_flag=True, help="Run no jobs here; another process does.")
@_METRICS_HOST
@_METRICS_PORT
@_CONFIG
def serve(
    *,
    host: str,
    port: int,
    role: "Role",
    metrics_host: str,
    metrics_port: int | None,
    config: Path | None,
    no_worker: bool,
) -> None:
    """Receive alerts about leaked keys, kill those that are ours, tell their owners."""
    from keyfuse_webhook.serving import Serving
    from keyfuse_webhook.serving import serve as run

    serving = Serving(host, port, role, not no_worker, metrics_host, metrics_port)
    _run(config, lambda settings: run(settings, serving))


@click.command()
@_METRICS_HOST
@_METRICS_PORT
@_CONFIG
def worker(metrics_host: str, metrics_port: int | None, config: Path | None) -> None:
    """Run jobs only: scans, mails and the rest. As many as you like on one database."""
    from keyfuse_webhook.working import work

    _run(config, lambda settings: work(settings, metrics_host, metrics_port))


def _run(config: Path | None, program: Callable[[Settings], None]) -> None:
    from keyfuse_webhook import logs

    logs.configure()
    try:
        program(Settings.load(config_file=config))
    except (StoreError, WebhookError) as error:
        click.echo(f"keyfuse: {scrub(str(error))}", err=True)
        sys.exit(Exit.USAGE)
