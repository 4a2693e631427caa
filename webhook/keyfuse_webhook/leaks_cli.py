"""`keyfuse leaks`: list, show. What leaked, how we know, what was done about it."""

from typing import Any

import click

from keyfuse_store import leaks as steps
from keyfuse_store.cli.printing import print_fields, print_json, print_page
from keyfuse_store.cli.shell import StoreGroup, Where, open_service, service_options
from keyfuse_store.times import rfc3339
from keyfuse_webhook.message import one_line

_HEADER = ("ID", "KEY", "ACTION", "STATE", "FIRST SEEN")
_STATES = click.Choice(["open", "notified", "undeliverable", "resolved"])


@click.group(cls=StoreGroup)
def leaks() -> None:
    """Look at the incidents of leaked keys."""


@leaks.command(name="list")
@click.option("--state", type=_STATES, help="Only incidents that stand so.")
@click.option("--after", metavar="LEAK", help="Go on after this incident.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@service_options
def list_leaks(
    *,
    state: steps.LeakState | None,
    after: str | None,
    limit: int,
    as_json: bool,
    where: Where,
) -> None:
    """List incidents, one for each leaked key."""
    with open_service(where) as store:
        found = store.leaks(state=state, after=after, limit=limit)
    print_page("leaks", found, _HEADER, _row, limit=limit, as_json=as_json)


@leaks.command()
@click.argument("leak", metavar="LEAK|KEY")
@service_options
def show(*, leak: str, as_json: bool, where: Where) -> None:
    """Show one incident, by its id or that of the key: the key's fate and all evidence."""
    with open_service(where) as store:
        facts = store.leak(leak).as_json()
    if as_json:
        print_json(facts)
        return
    _print(facts)


def _row(leak: steps.Leak) -> tuple[object, ...]:
    return (leak.id, leak.key_id, leak.action, leak.state, rfc3339(leak.first_seen_us))


def _print(facts: dict[str, Any]) -> None:
    """The incident, its key, then a paragraph for each piece of evidence and each step."""
    evidence, done = facts.pop("evidence"), facts.pop("steps")
    of_key = {f"key_{name}": fact for name, fact in facts.pop("key").items()}
    of_use = {f"use_{name}": fact for name, fact in facts.pop("use").items()}
    for paragraph in ({**facts, **of_key, **of_use}, *evidence, *done):
        print_fields({name: _one_line(fact) for name, fact in paragraph.items()})
        click.echo()


def _one_line(fact: object) -> object:
    return one_line(fact, 2048) if isinstance(fact, str) else fact
