"""`keyfuse owners`: add, list, show."""

import click

from keyfuse_store.cli.printing import print_fields, print_json, print_page
from keyfuse_store.cli.shell import StoreGroup, Where, open_service, service_options
from keyfuse_store.model import Owner

_HEADER = ("ID", "EMAIL", "NAME")


@click.group(cls=StoreGroup)
def owners() -> None:
    """Whom keys belong to."""


@owners.command()
@click.argument("email")
@click.option("--name", default="", help="A person or a team.")
@service_options
def add(*, email: str, name: str, as_json: bool, where: Where) -> None:
    """Add an owner."""
    with open_service(where) as store:
        owner = store.add_owner(email, name=name)
    (print_json if as_json else print_fields)(owner.as_json())


@owners.command(name="list")
@click.option("--after", metavar="OWNER", help="Go on after this owner.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@service_options
def list_owners(*, after: str | None, limit: int, as_json: bool, where: Where) -> None:
    """List owners by mail address."""
    with open_service(where) as store:
        found = store.owners(after=after, limit=limit)
    print_page("owners", found, _HEADER, _row, limit=limit, as_json=as_json)


@owners.command()
@click.argument("owner")
@service_options
def show(*, owner: str, as_json: bool, where: Where) -> None:
    """Show one owner, by id or mail address."""
    with open_service(where) as store:
        found = store.owner(owner)
    (print_json if as_json else print_fields)(found.as_json())


def _row(owner: Owner) -> tuple[object, ...]:
    return (owner.id, owner.email, owner.name)
