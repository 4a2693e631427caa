"""`keyfuse leaks`: list, show. What leaked, how we know, what was done about it."""

import sys

import click
from sqlalchemy import Connection

from keyfuse_scanner.exits import Exit
from keyfuse_store import keys
from keyfuse_store import leaks as steps
from keyfuse_store.cli.shell import (
    StoreGroup,
    open_store,
    print_fields,
    print_json,
    print_table,
    store_options,
)
from keyfuse_store.leaks import KeptEvidence, Leak
from keyfuse_store.times import rfc3339
from keyfuse_webhook.message import one_line

_STATES = click.Choice(["open", "notified", "undeliverable", "resolved"])


@click.group(cls=StoreGroup)
def leaks() -> None:
    """Look at the incidents of leaked keys."""


@leaks.command(name="list")
@click.option("--state", type=_STATES, help="Only incidents that stand so.")
@click.option("--after", metavar="LEAK", help="Go on after this incident.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@store_options
def list_leaks(
    *,
    state: steps.LeakState | None,
    after: str | None,
    limit: int,
    as_json: bool,
    config: str | None,
    database_url: str | None,
) -> None:
    """List incidents, one for each leaked key."""
    with open_store(config, database_url) as store, store.read() as connection:
        found = steps.page(connection, state=state, after=after, limit=limit)
    following = found[-1].id if len(found) == limit else None
    if as_json:
        print_json({"leaks": [leak.as_json() for leak in found], "next": following})
        return
    rows = [
        (leak.id, leak.key_id, leak.action, leak.state, rfc3339(leak.first_seen_us))
        for leak in found
    ]
    print_table(("ID", "KEY", "ACTION", "STATE", "FIRST SEEN"), rows)
    if following is not None:
        click.echo(f"there may be more: --after {following}", err=True)


@leaks.command()
@click.argument("leak", metavar="LEAK|KEY")
@store_options
def show(*, leak: str, as_json: bool, config: str | None, database_url: str | None) -> None:
    """Show one incident, by its id or that of the key: the key's fate and all evidence."""
    with open_store(config, database_url) as store, store.read() as connection:
        found = steps.get(connection, leak) or steps.for_key(connection, leak)
        if found is None:
            click.echo("keyfuse: there is no such incident, nor one of such a key", err=True)
            sys.exit(Exit.USAGE)
        key_facts = _key_facts(connection, found)
        evidence = steps.evidence_of(connection, found.id)
    if as_json:
        rows = [_evidence_facts(one) for one in evidence]
        print_json({**found.as_json(), "key": key_facts, "evidence": rows})
        return
    print_fields({**found.as_json(), **{f"key_{name}": fact for name, fact in key_facts.items()}})
    for one in evidence:
        click.echo()
        facts = _evidence_facts(one)
        print_fields({name: fact and one_line(fact, 2048) for name, fact in facts.items()})


def _key_facts(connection: Connection, leak: Leak) -> dict[str, object]:
    key = keys.get(connection, leak.key_id)
    return {
        "prefix": key.prefix,
        "name": key.name,
        "owner": key.owner,
        "state": key.state,
        "revoked": rfc3339(key.revoked_us),
    }


def _evidence_facts(kept: KeptEvidence) -> dict[str, str | None]:
    """A piece of evidence as programs see it; `url` and `source` are the reporter's words."""
    evidence = kept.evidence
    return {
        "from": evidence.origin,
        "trust": evidence.trust,
        "source": evidence.source,
        "url": evidence.url,
        "claimed": rfc3339(evidence.claimed_us),
        "seen": rfc3339(kept.seen_us),
        "receipt": kept.receipt_id,
    }
