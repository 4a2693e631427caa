"""`keyfuse console`: the link that signs an operator in."""

import sys
from typing import TYPE_CHECKING

import click

from keyfuse_scanner.exits import Exit
from keyfuse_store.cli.printing import print_json
from keyfuse_store.cli.shell import StoreGroup, actor, open_store, store_options

if TYPE_CHECKING:
    from keyfuse_store import KeyStore
    from keyfuse_store.model import Key

_ROOT = "keyfuse_root"


@click.group(cls=StoreGroup)
def console() -> None:
    """Open the console."""


@console.command()
@click.option("--key", "key_id", help="Sign in as the holder of this management key.")
@store_options
def login(
    *, key_id: str | None, as_json: bool, config: str | None, database_url: str | None
) -> None:
    """Print a link that signs in once, within five minutes.

    The session may do what the management key may do, and ends with it.
    """
    from keyfuse_webhook.console.desk import CLOSED
    from keyfuse_webhook.console.place import place_of
    from keyfuse_webhook.console.sessions import LINK_LIFE, Opening, make_link

    with open_store(config, database_url) as store:
        key = _management_key(store, key_id)
        at = store.clock()
        with store.begin() as connection:
            token = make_link(connection, Opening(key.id), at=at)
            store.audit.append(
                connection, action="console.link_made", actor=actor(), subject=key.id, at=at
            )
        place = place_of(store.settings.base_url, "127.0.0.1")
    if place is None:
        click.echo(f"keyfuse: {CLOSED.title}", err=True)
        sys.exit(Exit.USAGE)
    link = f"{place.base()}/console/login/{token}"
    if as_json:
        print_json({"link": link, "key_id": key.id, "expires_in": LINK_LIFE // 1_000_000})
        return
    click.echo(link)
    click.echo(f"signs in as {key.id}, once, within five minutes", err=True)


def _management_key(store: "KeyStore", key_id: str | None) -> "Key":
    """The key that was named, or the youngest root key in force."""
    from keyfuse_store.principal import principal
    from keyfuse_store.verify import standing

    found = [store.get(key_id)] if key_id else store.list(prefix=_ROOT, state="active", limit=1000)
    for key in reversed(found):
        if principal(key) is not None and standing(key, store.clock()) is None:
            return key
    what = f"key {key_id} is no management key in force" if key_id else "there is no root key"
    click.echo(
        f"keyfuse: {what}; make one: keyfuse keys issue --admin --owner you@example.com", err=True
    )
    sys.exit(Exit.USAGE)
