"""What all commands of the store share: opening it, printing, and the exit code of an error."""

import getpass
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import click

from keyfuse_store.errors import StoreError
from keyfuse_store.keystore import KeyStore
from keyfuse_store.settings import Settings

USAGE = 2
"""Exit code: the command cannot be done as given (DESIGN: usage, or a named thing not there)."""

Command = TypeVar("Command", bound=Callable[..., Any])


class StoreGroup(click.Group):
    """A group whose commands answer a refusal of the store with one line and exit 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except StoreError as error:
            _refuse(error)


def _refuse(error: StoreError) -> NoReturn:
    click.echo(f"keyfuse: {error}", err=True)
    sys.exit(USAGE)


def store_options(command: Command) -> Command:
    """The options of every command: `--json`, `--config`, `--database-url`."""
    for option in (
        click.option("--database-url", metavar="URL", help="The database, before the settings."),
        click.option(
            "--config", type=click.Path(dir_okay=False), help="A TOML file with service settings."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
    ):
        command = option(command)
    return command


def load_settings(config: str | None, database_url: str | None) -> Settings:
    """The settings with what the command line adds to them."""
    return Settings.load(config_file=config, flags={"database_url": database_url})


def open_store(config: str | None, database_url: str | None) -> KeyStore:
    """The store that the settings name."""
    return KeyStore.open(settings=load_settings(config, database_url))


def actor() -> str:
    """Who runs this command, for the audit record."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError, ImportError):
        # A container's user id may have no name.
        return "cli"


def print_json(value: Mapping[str, object]) -> None:
    """One JSON object."""
    click.echo(json.dumps(value, ensure_ascii=True))


def print_fields(value: Mapping[str, object]) -> None:
    """One `name  value` line for each field that has a value."""
    shown = {name: _cell(cell) for name, cell in value.items() if cell not in (None, (), {}, "")}
    width = max(map(len, shown), default=0)
    for name, cell in shown.items():
        click.echo(f"{name:<{width}}  {cell}")


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell."""
    cells = [header, *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "-"
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=True)
    return str(value)
