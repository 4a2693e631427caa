"""Keys that come into being: issue, import, rotate."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from keyfuse_store import wire
from keyfuse_store.errors import AlreadyDone
from keyfuse_store.importing import OldKey
from keyfuse_store.issue import BATCH_MAX, KeyOrder
from keyfuse_store.model import Issued, Rotated
from keyfuse_store.times import parse_duration
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Answered, Call, Desk, Operation, Said
from keyfuse_webhook.management.refusals import Unfit
from keyfuse_webhook.management.shapes import (
    Addresses,
    Duration,
    Json,
    Line,
    Moment,
    OwnerName,
    Prefix,
    Quota,
    RateLimit,
    Scopes,
)

_WRITE = "keyfuse:keys.write"
_KEYS = "/v1/keys"


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be issued."""

    prefix: Prefix
    owner: Annotated[OwnerName, Meta(description="A mail address, added if new, or an owner's id.")]
    name: Line = ""
    scopes: Scopes = []
    meta: Json = {}
    not_before: Moment | None = None
    expires_at: Moment | None = None
    expires_in: Duration | None = None
    rate_limit: RateLimit | None = None
    quota: Quota | None = None
    addresses: Addresses = []
    admin: Annotated[bool, Meta(description="True for a management key.")] = False


class OldKeyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A key from before keyfuse, by the hash that its API kept."""

    hash: Annotated[str, Meta(min_length=1, max_length=500)]
    owner: OwnerName
    prefix: Prefix
    name: Line = ""
    scopes: Scopes = []
    meta: Json = {}
    created: Moment | None = None
    expires_at: Moment | None = None
    rate_limit: RateLimit | None = None
    quota: Quota | None = None
    addresses: Addresses = []


class Import(Struct, frozen=True, forbid_unknown_fields=True):
    """Keys to be taken over, all of them or none."""

    keys: Annotated[list[OldKeyBody], Meta(min_length=1, max_length=BATCH_MAX)]
    check: Annotated[bool, Meta(description="Only look whether they are acceptable.")] = False


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    """How a successor takes over."""

    overlap: Annotated[
        str, Meta(pattern=r"^(0|[0-9]{1,12}[smhd])$", description="How long both keys work.")
    ] = "24h"
    expires_at: Moment | None = None
    expires_in: Duration | None = None


def issue_key(desk: Desk, call: Call[NewKey]) -> Said:
    """A new key with its plaintext."""
    asked = call.asked
    try:
        issued = desk.store.issue(
            prefix=asked.prefix,
            owner=asked.owner,
            name=asked.name,
            scopes=asked.scopes,
            meta=asked.meta,
            not_before=asked.not_before,
            expires_at=asked.expires_at,
            expires_in=_duration("expires_in", asked.expires_in),
            rate_limit=asked.rate_limit,
            quota=asked.quota,
            addresses=asked.addresses,
            admin=asked.admin,
            once=call.once,
            **call.by,
        )
    except AlreadyDone as done:
        return Said({"key": None, **desk.store.get(done.key_id).as_json()})
    return _made(issued, {})


def import_keys(desk: Desk, call: Call[Import]) -> Said:
    """Keys of another system, all of them or none."""
    old = [_old(one) for one in call.asked.keys]
    wrong = desk.store.check_keys(old)
    if wrong:
        problems = [
            {"index": place, "field": error.field, "problem": error.problem}
            for place, error in wrong
        ]
        raise Unfit(422, errors=problems)
    if call.asked.check:
        return Said({"added": [], "known": 0})
    added, known = desk.store.import_keys(old, **call.by)
    return Said({"added": added, "known": known})


def rotate_key(desk: Desk, call: Call[Rotation]) -> Said:
    """The successor with its plaintext, and the key it takes over from."""
    asked, store, key_id = call.asked, desk.store, call.path["key_id"]
    try:
        rotated = store.rotate(
            key_id,
            overlap=_duration("overlap", asked.overlap) or timedelta(0),
            expires_at=asked.expires_at,
            expires_in=_duration("expires_in", asked.expires_in),
            once=call.once,
            **call.by,
        )
    except AlreadyDone as done:
        key, before = store.get(done.key_id), store.get(key_id)
        return Said({"key": None, **key.as_json(), "predecessor": before.as_json()})
    return _made(rotated, {"predecessor": rotated.predecessor.as_json()})


OPERATIONS = (
    Operation(
        method="POST",
        path=_KEYS,
        name="issueKey",
        summary="Issue a key and show it, this once.",
        scope=_WRITE,
        run=issue_key,
        asks=NewKey,
        example=examples.NEW_KEY,
        answers={
            201: Answered(wire.IssuedWire, examples.ISSUED, ("Location",)),
            200: Answered(wire.IssuedWire, examples.ISSUED | {"key": None}),
        },
        idempotent=True,
    ),
    Operation(
        method="POST",
        path=f"{_KEYS}/import",
        name="importKeys",
        summary="Take over keys from before keyfuse by their hashes, all of them or none.",
        scope=_WRITE,
        run=import_keys,
        asks=Import,
        example=examples.IMPORT,
        answers={200: Answered(wire.ImportedWire, {"added": [examples.KEY_ID], "known": 0})},
        largest=4 * 1024 * 1024,
    ),
    Operation(
        method="POST",
        path=f"{_KEYS}/{{key_id}}/rotate",
        name="rotateKey",
        summary="Issue a successor and show it, this once; both work for the overlap.",
        scope=_WRITE,
        run=rotate_key,
        asks=Rotation,
        body_required=False,
        example={"overlap": "24h"},
        answers={
            201: Answered(wire.RotatedWire, examples.ROTATED, ("Location",)),
            200: Answered(wire.RotatedWire, examples.ROTATED | {"key": None}),
        },
        refusals=frozenset({409}),
        idempotent=True,
    ),
)


def _made(made: Issued | Rotated, more: dict[str, object]) -> Said:
    body = {"key": made.token.reveal(), **made.key.as_json(), **more}
    return Said(body, 201, {"location": f"{_KEYS}/{made.key.id}"})


def _duration(field: str, text: str | None) -> timedelta | None:
    return None if text in {None, "0"} else parse_duration(field, text or "")


def _old(one: OldKeyBody) -> OldKey:
    order = KeyOrder(
        prefix=one.prefix,
        owner=one.owner,
        name=one.name,
        scopes=one.scopes,
        meta=one.meta,
        expires_at=one.expires_at,
        rate_limit=one.rate_limit,
        quota=one.quota,
        addresses=one.addresses,
    )
    return OldKey(order, one.hash, one.created)
