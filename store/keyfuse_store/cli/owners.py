"""`keyfuse owners`: add, list, show."""

import click

from keyfuse_store import owners as owner_steps
from keyfuse_store.cli.shell import (
    StoreGroup,
    actor,
    open_store,
    print_fields,
    print_json,
    print_table,
    store_options,
)


@click.group(cls=StoreGroup)
def owners() -> None:
    """Whom keys belong to."""


@owners.command()
@click.argument("email")
@click.option("--name", default="", help="A person or a team.")
@store_options
def add(
    *, email: str, name: str, as_json: bool, config: str | None, database_url: str | None
) -> None:
    """Add an owner."""
    with open_store(config, database_url) as store:
        owner = store.add_owner(email, name=name, actor=actor())
    (print_json if as_json else print_fields)(owner.as_json())


@owners.command(name="list")
@click.option("--after", metavar="OWNER", help="Go on after this owner.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@store_options
def list_owners(
    *, after: str | None, limit: int, as_json: bool, config: str | None, database_url: str | None
) -> None:
    """List owners by mail address."""
    with open_store(config, database_url) as store, store.read() as connection:
        found = owner_steps.page(connection, after=after, limit=limit)
    following = found[-1].id if len(found) == limit else None
    if as_json:
        print_json({"owners": [owner.as_json() for owner in found], "next": following})
        return
    print_table(("ID", "EMAIL", "NAME"), [(one.id, one.email, one.name) for one in found])
    if following is not None:
        click.echo(f"there may be more: --after {following}", err=True)


@owners.command()
@click.argument("owner")
@store_options
def show(*, owner: str, as_json: bool, config: str | None, database_url: str | None) -> None:
    """Show one owner, by id or mail address."""
    with open_store(config, database_url) as store, store.read() as connection:
        found = owner_steps.get(connection, owner)
    (print_json if as_json else print_fields)(found.as_json())
