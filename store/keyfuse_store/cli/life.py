"""`keyfuse keys`: what happens to a key after it was issued."""

from datetime import timedelta

import click

from keyfuse_store.changes import KeyChanges
from keyfuse_store.cli.keys import expiry, keys, meta_object
from keyfuse_store.cli.printing import print_fields, print_json
from keyfuse_store.cli.shell import Where, open_service, service_options
from keyfuse_store.model import Key
from keyfuse_store.times import parse_duration


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap", default="24h", show_default=True, help="How long the old key works beside it."
)
@click.option("--expires", metavar="90d|DATE", help="The new key's end; the old key's by default.")
@service_options
def rotate(
    *,
    key_id: str,
    overlap: str,
    expires: str | None,
    as_json: bool,
    where: Where,
) -> None:
    """Issue a successor to a key and print it, this once."""
    lap = timedelta(0) if overlap == "0" else parse_duration("overlap", overlap)
    until = expiry(expires)
    with open_service(where) as store:
        rotated = store.rotate(key_id, overlap=lap, **until)
    old = rotated.predecessor
    if as_json:
        answer = {"key": rotated.token.reveal(), **rotated.key.as_json()}
        print_json(answer | {"predecessor": old.as_json()})
        return
    click.echo(
        f"key {rotated.key.id} takes over from {old.id}, which is valid until "
        f"{old.overlap_until:%Y-%m-%d %H:%M:%S} UTC; it is shown only now:",
        err=True,
    )
    click.echo(rotated.token.reveal())


@keys.command()
@click.argument("key_id")
@click.option("--reason", default="revoked on the command line", help="Why, for the record.")
@click.option("--evidence", metavar="JSON", help="What it rests on, a JSON object.")
@service_options
def revoke(
    *,
    key_id: str,
    reason: str,
    evidence: str | None,
    as_json: bool,
    where: Where,
) -> None:
    """Kill a key for good, in every process at once."""
    proof = None if evidence is None else meta_object("evidence", evidence)
    with open_service(where) as store:
        key = store.revoke(key_id, reason=reason, evidence=proof)
    _print(key, f"is revoked since {key.revoked:%Y-%m-%d %H:%M:%S} UTC", as_json=as_json)


@keys.command()
@click.argument("key_id")
@click.option("--reason", default="suspended on the command line", help="Why, for the record.")
@service_options
def suspend(*, key_id: str, reason: str, as_json: bool, where: Where) -> None:
    """Stop a key until it is resumed."""
    with open_service(where) as store:
        key = store.suspend(key_id, reason=reason)
    _print(key, "is suspended", as_json=as_json)


@keys.command()
@click.argument("key_id")
@service_options
def resume(*, key_id: str, as_json: bool, where: Where) -> None:
    """Undo a suspension, or else a quarantine."""
    with open_service(where) as store:
        key = store.resume(key_id)
    _print(key, f"is {key.state}", as_json=as_json)


@keys.command()
@click.argument("key_id")
@click.argument("name")
@service_options
def rename(*, key_id: str, name: str, as_json: bool, where: Where) -> None:
    """Give a key another name."""
    _change(key_id, KeyChanges(name=name), as_json, where)


@keys.command()
@click.argument("key_id")
@click.option("--scope", "wanted", multiple=True, help="resource:action; repeat for more.")
@click.option("--none", "nothing", is_flag=True, help="Take every scope away.")
@service_options
def scopes(
    *,
    key_id: str,
    wanted: tuple[str, ...],
    nothing: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Give a key other scopes in place of those it has."""
    if nothing == bool(wanted):
        raise click.UsageError("Give the scopes with --scope, or --none.")
    _change(key_id, KeyChanges(scopes=wanted), as_json, where)


@keys.command(name="expiry")
@click.argument("key_id")
@click.argument("when", metavar="90d|DATE|never")
@service_options
def set_expiry(*, key_id: str, when: str, as_json: bool, where: Where) -> None:
    """Give a key another end."""
    changes = KeyChanges(expires_at=None) if when == "never" else KeyChanges(**expiry(when))
    _change(key_id, changes, as_json, where)


def _change(key_id: str, changes: KeyChanges, as_json: bool, where: Where) -> None:
    with open_service(where) as store:
        key = store.change(key_id, changes)
    (print_json if as_json else print_fields)(key.as_json())


def _print(key: Key, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(key.as_json())
    else:
        click.echo(f"key {key.id} {what}")
