"""What all commands of the store share: options, opening it, and the exit code of an error."""

import functools
import getpass
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar, cast

import click

from keyfuse_rules.redact import scrub
from keyfuse_rules.secret import Secret
from keyfuse_store.errors import SettingsError, StoreError
from keyfuse_store.keystore import KeyStore
from keyfuse_store.management import Management
from keyfuse_store.settings import Settings

if TYPE_CHECKING:
    from keyfuse_store.client import ManagementClient

USAGE = 2
"""Exit code: the command cannot be done as given (DESIGN: usage, or a named thing not there)."""

SERVER_KEY = "KEYFUSE_API_KEY"
"""Where the management key for `--server` is, or with `_FILE` the file that holds it."""
_KEY_MAX = 4096

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
    click.echo(f"keyfuse: {scrub(str(error))}", err=True)
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


class Where(NamedTuple):
    """What a command works on: the database of the settings, or a server."""

    config: str | None
    database_url: str | None
    server: str | None


def service_options(command: Command) -> Command:
    """The same and `--server`, for commands that work on either; they get `where`."""

    @functools.wraps(command)
    def told(
        *arguments: Any,
        config: str | None,
        database_url: str | None,
        server: str | None,
        **options: Any,
    ) -> Any:
        return command(*arguments, where=Where(config, database_url, server), **options)

    ask = click.option("--server", metavar="URL", help="Ask this service, not a database.")
    return store_options(ask(cast(Command, told)))


@contextmanager
def open_service(where: Where) -> Iterator[Management]:
    """The store that the settings name, or the server with the management key at hand."""
    if where.server is None:
        settings = load_settings(where.config, where.database_url)
        service: Management = KeyStore.open(settings=settings, actor=actor())
    else:
        service = open_client(where)
    with closing(service):
        yield service


def open_client(where: Where) -> "ManagementClient":
    """The server that was named.

    Raises:
        SettingsError: a database was named as well, or there is no management key.
    """
    from keyfuse_store.client import ManagementClient

    if where.database_url is not None:
        raise SettingsError("--server: give either this or --database-url")
    return ManagementClient(where.server or "", management_key(os.environ))


def management_key(environ: Mapping[str, str]) -> Secret:
    """The key for a server, from `KEYFUSE_API_KEY` or the file `KEYFUSE_API_KEY_FILE`.

    Raises:
        SettingsError: there is none, or the file cannot be read.
    """
    text, file = environ.get(SERVER_KEY, ""), environ.get(f"{SERVER_KEY}_FILE", "")
    if file and not text:
        try:
            with Path(file).open(encoding="ascii") as lines:
                text = lines.read(_KEY_MAX)
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"{SERVER_KEY}_FILE: the file cannot be read") from None
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise SettingsError(
            f"--server: set {SERVER_KEY}, or {SERVER_KEY}_FILE, to a management key"
        )
    return Secret(key)


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
