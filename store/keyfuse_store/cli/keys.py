"""`keyfuse keys`: issue, list, show, verify. A token never comes from the arguments."""

import json
import sys
from typing import Any

import click

from keyfuse_store.cli.printing import print_fields, print_json, print_page
from keyfuse_store.cli.shell import StoreGroup, Where, open_service, service_options
from keyfuse_store.errors import InvalidField
from keyfuse_store.listing import STANDINGS, Standing
from keyfuse_store.model import Key
from keyfuse_store.scopes import ADMIN
from keyfuse_store.times import parse_duration, parse_moment
from keyfuse_store.verdict import Verdict

_ADMIN_PREFIX = "keyfuse_root"
_STDIN_MAX = 65_536
_HEADER = ("ID", "PREFIX", "STATE", "OWNER", "NAME", "SCOPES", "EXPIRES")


@click.group(cls=StoreGroup)
def keys() -> None:
    """Issue API keys and look after them."""


@keys.command()
@click.option("--prefix", help="Issuer, environment and class, like acme_live.")
@click.option("--owner", required=True, help="Mail address (added if new) or owner id.")
@click.option("--name", default="", help="What people call the key.")
@click.option("--scope", "scopes", multiple=True, help="resource:action; repeat for more.")
@click.option("--meta", default=None, metavar="JSON", help="Free-form data, a JSON object.")
@click.option("--not-before", metavar="DATE", help="When it begins to be valid.")
@click.option("--expires", metavar="90d|DATE", help="How long or until when it is valid.")
@click.option("--rate", metavar="100/minute", help="Rate limit.")
@click.option("--quota", metavar="10000/month", help="Quota per calendar period.")
@click.option("--address", "addresses", multiple=True, metavar="CIDR", help="Allowed network.")
@click.option("--admin", is_flag=True, help="Make a management key for keyfuse itself.")
@service_options
def issue(
    *,
    prefix: str | None,
    owner: str,
    name: str,
    scopes: tuple[str, ...],
    meta: str | None,
    not_before: str | None,
    expires: str | None,
    rate: str | None,
    quota: str | None,
    addresses: tuple[str, ...],
    admin: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Issue a key and print it, this once."""
    if prefix is None and not admin:
        raise click.UsageError("Missing option '--prefix'.")
    until = expiry(expires)
    with open_service(where) as store:
        issued = store.issue(
            prefix=prefix or _ADMIN_PREFIX,
            owner=owner,
            name=name,
            scopes=scopes or ((ADMIN,) if admin else ()),
            meta=None if meta is None else meta_object("meta", meta),
            not_before=None if not_before is None else parse_moment("not_before", not_before),
            rate_limit=rate,
            quota=quota,
            addresses=addresses,
            admin=admin,
            **until,
        )
    if as_json:
        print_json({"key": issued.token.reveal(), **issued.key.as_json()})
        return
    click.echo(f"key {issued.key.id} for {issued.key.owner}; it is shown only now:", err=True)
    click.echo(issued.token.reveal())


@keys.command(name="list")
@click.option("--owner", help="Only this owner's (mail address or id).")
@click.option("--prefix", help="Only with this prefix.")
@click.option("--state", type=click.Choice(STANDINGS), help="Only those that are so now.")
@click.option("--search", metavar="TEXT", help="Only by this id's beginning, name or owner.")
@click.option("--after", metavar="ID", help="Go on after this key.")
@click.option("--limit", type=int, default=100, show_default=True)
@service_options
def list_keys(
    *,
    owner: str | None,
    prefix: str | None,
    state: Standing | None,
    search: str | None,
    after: str | None,
    limit: int,
    as_json: bool,
    where: Where,
) -> None:
    """List keys, oldest first; without their secrets, which nobody has."""
    with open_service(where) as store:
        found = store.list(
            owner=owner, prefix=prefix, state=state, search=search, after=after, limit=limit
        )
    print_page("keys", found, _HEADER, _row, limit=limit, as_json=as_json)


@keys.command()
@click.argument("key_id")
@service_options
def show(*, key_id: str, as_json: bool, where: Where) -> None:
    """Show one key."""
    with open_service(where) as store:
        key = store.get(key_id)
    (print_json if as_json else print_fields)(key.as_json())


@keys.command()
@click.option("--scope", "scopes", multiple=True, help="All of these are needed.")
@click.option("--any-of", multiple=True, help="One of these is needed.")
@click.option("--resource", help="What the call is about.")
@click.option("--address", help="Where the call comes from.")
@service_options
def verify(
    *,
    scopes: tuple[str, ...],
    any_of: tuple[str, ...],
    resource: str | None,
    address: str | None,
    as_json: bool,
    where: Where,
) -> None:
    """Verify the key on standard input: exit 0 if it is valid, 1 if not."""
    token = _token()
    with open_service(where) as store:
        verdict = store.verify(
            token,
            scopes=scopes,
            any_of=any_of,
            resource=resource,
            client_address=address,
        )
        # The key is read when it is looked at.
        shown = _verdict_json(verdict) if as_json else None
    if shown is None:
        click.echo(verdict.code)
    else:
        print_json(shown)
    if not verdict.ok:
        sys.exit(1)


def expiry(text: str | None) -> dict[str, Any]:
    """`90d` as a duration, `2027-01-31` as a moment, by the name of the argument.

    Raises:
        InvalidField: the text is neither.
    """
    if text is None:
        return {}
    try:
        return {"expires_in": parse_duration("expires", text)}
    except InvalidField:
        return {"expires_at": parse_moment("expires", text)}


def meta_object(field: str, text: str) -> dict[str, object]:
    """Free-form data as it comes from an option.

    Raises:
        InvalidField: the text is no JSON object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidField(field, "must be a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidField(field, "must be a JSON object")
    return value


def _token() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("key", hide_input=True, err=True)).strip()
    # What is no ASCII is no key; surrogates keep it from becoming one by accident.
    return sys.stdin.buffer.read(_STDIN_MAX).decode("ascii", "surrogateescape").strip()


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    key = None if verdict.key is None else verdict.key.as_json()
    return {
        "valid": verdict.ok,
        "code": verdict.code,
        "key": key,
        "retry_after": verdict.retry_after,
    }


def _row(key: Key) -> tuple[object, ...]:
    return (key.id, key.prefix, key.state, key.owner, key.name, key.scopes, _day(key.expires))


def _day(moment: object) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d}"
