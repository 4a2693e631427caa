"""Owners: list, show, add."""

from msgspec import Struct

from keyfuse_store import wire
from keyfuse_store.errors import InvalidField, OwnerNotFound
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Answered, Call, Desk, Nothing, Operation, Said
from keyfuse_webhook.management.shapes import After, Limit, Line, OwnerName, Search, page

_READ, _WRITE = "keyfuse:owners.read", "keyfuse:owners.write"


class OwnerFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which owners to list."""

    search: Search | None = None
    after: After | None = None
    limit: Limit = 100


class NewOwner(Struct, frozen=True, forbid_unknown_fields=True):
    """An owner to be added."""

    email: OwnerName
    name: Line = ""


def list_owners(desk: Desk, call: Call[OwnerFilter]) -> Said:
    """A page of owners."""
    asked = call.asked
    try:
        found = desk.store.owners(search=asked.search, after=asked.after, limit=asked.limit)
    except OwnerNotFound:
        raise InvalidField("after", "there is no such owner") from None
    return Said(page("owners", found, asked.limit, lambda owner: owner.id))


def show_owner(desk: Desk, call: Call[Nothing]) -> Said:
    """One owner."""
    named = call.path["owner"]
    try:
        return Said(desk.store.owner(named).as_json())
    except InvalidField:
        raise OwnerNotFound(named) from None


def add_owner(desk: Desk, call: Call[NewOwner]) -> Said:
    """A new owner."""
    owner = desk.store.add_owner(call.asked.email, name=call.asked.name, **call.by)
    return Said(owner.as_json(), 201, {"location": f"/v1/owners/{owner.id}"})


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/owners",
        name="listOwners",
        summary="List owners by mail address.",
        scope=_READ,
        run=list_owners,
        asks=OwnerFilter,
        answers={200: Answered(wire.OwnerPage, {"owners": [examples.OWNER], "next": None})},
    ),
    Operation(
        method="POST",
        path="/v1/owners",
        name="addOwner",
        summary="Add an owner: whom keys belong to, and who is told when one leaks.",
        scope=_WRITE,
        run=add_owner,
        asks=NewOwner,
        example={"email": "owner@example.com", "name": "Billing"},
        answers={201: Answered(wire.OwnerWire, examples.OWNER, ("Location",))},
    ),
    Operation(
        method="GET",
        path="/v1/owners/{owner}",
        name="showOwner",
        summary="Show one owner, by id or mail address.",
        scope=_READ,
        run=show_owner,
        asks=Nothing,
        answers={200: Answered(wire.OwnerWire, examples.OWNER)},
    ),
)
