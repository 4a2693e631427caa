"""`keyfuse keys change`: limits, networks and free-form data of a key."""

from typing import Any

import click

from keyfuse_store.changes import KeyChanges
from keyfuse_store.cli.keys import keys, meta_object
from keyfuse_store.cli.printing import print_fields, print_json
from keyfuse_store.cli.shell import Where, open_service, service_options

_NONE = "none"


@keys.command()
@click.argument("key_id")
@click.option("--rate", metavar="100/minute|none", help="Another rate limit.")
@click.option("--quota", metavar="10000/month|none", help="Another quota.")
@click.option("--address", "addresses", multiple=True, metavar="CIDR|none", help="Other networks.")
@click.option("--meta", metavar="JSON", help="Other free-form data, a JSON object.")
@service_options
def change(
    *,
    key_id: str,
    rate: str | None,
    quota: str | None,
    addresses: tuple[str, ...],
    meta: str | None,
    as_json: bool,
    where: Where,
) -> None:
    """Give a key other limits, networks or data; what is not named stays."""
    given: dict[str, Any] = {}
    if rate is not None:
        given["rate_limit"] = None if rate == _NONE else rate
    if quota is not None:
        given["quota"] = None if quota == _NONE else quota
    if addresses:
        given["addresses"] = () if addresses == (_NONE,) else addresses
    if meta is not None:
        given["meta"] = meta_object("meta", meta)
    if not given:
        raise click.UsageError("Name what is to be different.")
    with open_service(where) as store:
        key = store.change(key_id, KeyChanges(**given))
    (print_json if as_json else print_fields)(key.as_json())
