"""`keyfuse keys usage`: how a key was used."""

import click

from keyfuse_store.cli.keys import keys
from keyfuse_store.cli.printing import print_json, print_table
from keyfuse_store.cli.shell import Where, open_service, service_options
from keyfuse_store.sinks import event_json
from keyfuse_store.times import from_micros, micros, parse_duration


@keys.command()
@click.argument("key_id")
@click.option("--since", default="30d", show_default=True, help="How far to look back.")
@click.option("--limit", type=int, default=24, show_default=True, help="Most hours, most events.")
@click.option("--events", is_flag=True, help="Call by call, where usage events are recorded.")
@service_options
def usage(
    *,
    key_id: str,
    since: str,
    limit: int,
    events: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Show how a key was used, the latest first: by hour, or call by call."""
    back = micros("since", parse_duration("since", since))
    with open_service(where) as store:
        start = from_micros(max(0, store.clock() - back))
        found = store.usage(key_id, since=start, limit=limit)
    if as_json:
        print_json(found.as_json())
        return
    if events:
        calls = [event_json(call) for call in found.events]
        rows = [[call[name] for name in _EVENT] for call in calls]
        print_table([name.upper().replace("_", " ") for name in _EVENT], rows)
        return
    hours = [(f"{from_micros(one.start):%Y-%m-%d %H:%M}", *one[1:]) for one in found.hours]
    print_table(("HOUR (UTC)", "VALID", "REFUSED", "SPENT"), hours)


_EVENT = ("at", "code", "cost", "scopes", "address", "user_agent")
