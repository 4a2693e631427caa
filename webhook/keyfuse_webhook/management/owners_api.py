"""Owners: list, show, add."""

from msgspec import Struct

from keyfuse_store import wire
from keyfuse_store.errors import InvalidField, OwnerNotFound
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Call, Desk, Nothing, Operation, Said
from keyfuse_webhook.management.shapes import After, Limit, Line, OwnerName, Search, page

_TAG = "owners"
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


def list_owners(desk: Desk, call: Call[OwnerFilter, Nothing]) -> Said:
    """A page of owners."""
    asked = call.query
    try:
        found = desk.store.owners(search=asked.search, after=asked.after, limit=asked.limit)
    except OwnerNotFound:
        raise InvalidField("after", "there is no such owner") from None
    return Said(page("owners", found, asked.limit, lambda owner: owner.id))


def show_owner(desk: Desk, call: Call[Nothing, Nothing]) -> Said:
    """One owner."""
    named = call.path["owner"]
    try:
        return Said(desk.store.owner(named).as_json())
    except InvalidField:
        raise OwnerNotFound(named) from None


def add_owner(desk: Desk, call: Call[Nothing, NewOwner]) -> Said:
    """A new owner."""
    owner = desk.store.add_owner(
        call.body.email, name=call.body.name, actor=call.caller, origin=call.origin
    )
    return Said(owner.as_json(), 201, {"location": f"/v1/owners/{owner.id}"})


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/owners",
        name="listOwners",
        tag=_TAG,
        summary="List owners by mail address.",
        scope=_READ,
        run=list_owners,
        query=OwnerFilter,
        body=Nothing,
        answers={200: wire.OwnerPage},
        shown={200: {"owners": [examples.OWNER], "next": None}},
    ),
    Operation(
        method="POST",
        path="/v1/owners",
        name="addOwner",
        tag=_TAG,
        summary="Add an owner: whom keys belong to, and who is told when one leaks.",
        scope=_WRITE,
        run=add_owner,
        query=Nothing,
        body=NewOwner,
        answers={201: wire.OwnerWire},
        headers={201: ("Location",)},
        example={"email": "owner@example.com", "name": "Billing"},
        shown={201: examples.OWNER},
    ),
    Operation(
        method="GET",
        path="/v1/owners/{owner}",
        name="showOwner",
        tag=_TAG,
        summary="Show one owner, by id or mail address.",
        scope=_READ,
        run=show_owner,
        query=Nothing,
        body=Nothing,
        answers={200: wire.OwnerWire},
        shown={200: examples.OWNER},
    ),
)
