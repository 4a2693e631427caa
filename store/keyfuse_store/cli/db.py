"""`keyfuse db`: upgrade, check."""

import sys

import click

from keyfuse_store import revisions
from keyfuse_store.cli.printing import print_fields, print_json
from keyfuse_store.cli.shell import StoreGroup, load_settings, store_options
from keyfuse_store.database import open_database
from keyfuse_store.health import examine

FINDINGS = 1


@click.group(cls=StoreGroup)
def db() -> None:
    """Look after the database."""


@db.command()
@store_options
def upgrade(*, as_json: bool, config: str | None, database_url: str | None) -> None:
    """Bring the database to the schema of this keyfuse."""
    database = open_database(load_settings(config, database_url).database_url)
    try:
        before, after = revisions.upgrade(database)
    finally:
        database.close()
    answer = {"database": database.place, "from": before, "to": after}
    (print_json if as_json else print_fields)(answer)


@db.command()
@store_options
def check(*, as_json: bool, config: str | None, database_url: str | None) -> None:
    """Check schema, peppers and the audit chain: exit 1 if something is wrong."""
    settings = load_settings(config, database_url)
    health = examine(settings)
    if as_json:
        print_json(health.as_json())
    else:
        print_fields(health.as_json() | {"problems": "; ".join(health.problems) or "none"})
    if health.problems:
        sys.exit(FINDINGS)
