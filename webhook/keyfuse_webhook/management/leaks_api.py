"""Incidents of leaked keys: list, show."""

from msgspec import Struct

from keyfuse_store import wire_leaks
from keyfuse_store.leaks import LeakState
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Answered, Call, Desk, Nothing, Operation, Said
from keyfuse_webhook.management.shapes import After, Limit, Order, OwnerName, page

_READ = "keyfuse:leaks.read"


class LeakFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents to list."""

    owner: OwnerName | None = None
    state: LeakState | None = None
    after: After | None = None
    sort: Order = "oldest"
    limit: Limit = 100


def list_leaks(desk: Desk, call: Call[LeakFilter]) -> Said:
    """A page of incidents."""
    asked = call.asked
    found = desk.store.leaks(
        owner=asked.owner,
        state=asked.state,
        after=asked.after,
        newest_first=asked.sort == "newest",
        limit=asked.limit,
    )
    return Said(page("leaks", found, asked.limit, lambda leak: leak.id))


def show_leak(desk: Desk, call: Call[Nothing]) -> Said:
    """One incident with all evidence."""
    return Said(desk.store.leak(call.path["leak"]).as_json())


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/leaks",
        name="listLeaks",
        summary="List incidents, one for each leaked key.",
        scope=_READ,
        run=list_leaks,
        asks=LeakFilter,
        answers={200: Answered(wire_leaks.LeakPage, {"leaks": [examples.LEAK], "next": None})},
    ),
    Operation(
        method="GET",
        path="/v1/leaks/{leak}",
        name="showLeak",
        summary="Show one incident, by its id or the key's: the key's fate and all evidence.",
        scope=_READ,
        run=show_leak,
        asks=Nothing,
        answers={200: Answered(wire_leaks.IncidentWire, examples.INCIDENT)},
    ),
)
