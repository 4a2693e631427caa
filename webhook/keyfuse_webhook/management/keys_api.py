"""Keys: list, show, issue, import, change, rotate, suspend, resume, revoke, usage."""

from datetime import timedelta
from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from keyfuse_store import wire
from keyfuse_store.changes import KEEP, Keep, KeyChanges
from keyfuse_store.errors import AlreadyDone
from keyfuse_store.importing import OldKey
from keyfuse_store.issue import BATCH_MAX, KeyOrder
from keyfuse_store.listing import Sort, Standing
from keyfuse_store.model import Issued, Key, Rotated
from keyfuse_store.times import parse_duration
from keyfuse_store.usage_history import PAGE_MAX as USAGE_MAX
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Call, Desk, Nothing, Operation, Said
from keyfuse_webhook.management.refusals import Unfit
from keyfuse_webhook.management.shapes import (
    Addresses,
    After,
    Duration,
    Json,
    Limit,
    Line,
    Moment,
    OwnerName,
    Prefix,
    Quota,
    RateLimit,
    Reason,
    Scopes,
    Search,
    page,
)

Given = TypeVar("Given")

_TAG = "keys"
_READ, _WRITE = "keyfuse:keys.read", "keyfuse:keys.write"
_KEYS, _KEY = "/v1/keys", "/v1/keys/{key_id}"
_CONFLICT = frozenset({409})
_TAGGED = {200: ("ETag",)}
_PLACED = {201: ("Location",)}


class KeyFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which keys to list."""

    owner: OwnerName | None = None
    prefix: Prefix | None = None
    state: (
        Annotated[Standing, Meta(description="What it is now; past its end it is expired.")] | None
    ) = None
    search: (
        Annotated[Search, Meta(description="What the id begins with, or name or owner holds.")]
        | None
    ) = None
    after: After | None = None
    sort: Annotated[Sort, Meta(description="`ending` leaves out keys without an end.")] = "oldest"
    limit: Limit = 100


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


class KeyPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; null takes a limit or the end away, what is missing stays."""

    name: Line | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    meta: Json | UnsetType = UNSET
    addresses: Addresses | UnsetType = UNSET
    rate_limit: RateLimit | UnsetType | None = UNSET
    quota: Quota | UnsetType | None = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    expires_in: Duration | UnsetType = UNSET


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    """How a successor takes over."""

    overlap: Annotated[
        str, Meta(pattern=r"^(0|[0-9]{1,6}[smhd])$", description="How long both keys work.")
    ] = "24h"
    expires_at: Moment | None = None
    expires_in: Duration | None = None


class Revocation(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a key dies."""

    reason: Reason = "revoked through the API"
    evidence: Json | None = None


class Suspension(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a key is stopped."""

    reason: Reason = "suspended through the API"


class UsageFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """How far to look back."""

    since: Moment | None = None
    limit: Annotated[int, Meta(ge=1, le=USAGE_MAX, description="Most hours, most events.")] = 100


def list_keys(desk: Desk, call: Call[KeyFilter, Nothing]) -> Said:
    """A page of keys."""
    asked = call.query
    found = desk.store.list(
        owner=asked.owner,
        prefix=asked.prefix,
        state=asked.state,
        search=asked.search,
        after=asked.after,
        sort=asked.sort,
        limit=asked.limit,
    )
    return Said(page("keys", found, asked.limit, lambda key: key.id))


def show_key(desk: Desk, call: Call[Nothing, Nothing]) -> Said:
    """One key, with its version as ETag."""
    return _shown(desk.store.get(call.path["key_id"]))


def issue_key(desk: Desk, call: Call[Nothing, NewKey]) -> Said:
    """A new key with its plaintext."""
    body = call.body
    try:
        issued = desk.store.issue(
            prefix=body.prefix,
            owner=body.owner,
            name=body.name,
            scopes=body.scopes,
            meta=body.meta,
            not_before=body.not_before,
            expires_at=body.expires_at,
            expires_in=_duration("expires_in", body.expires_in),
            rate_limit=body.rate_limit,
            quota=body.quota,
            addresses=body.addresses,
            admin=body.admin,
            once=call.once,
            actor=call.caller,
            origin=call.origin,
        )
    except AlreadyDone as done:
        return Said({"key": None, **desk.store.get(done.key_id).as_json()})
    return _made(issued, {})


def import_keys(desk: Desk, call: Call[Nothing, Import]) -> Said:
    """Keys of another system, all of them or none."""
    old = [_old(one) for one in call.body.keys]
    wrong = desk.store.check_keys(old)
    if wrong:
        problems = [
            {"index": place, "field": error.field, "problem": error.problem}
            for place, error in wrong
        ]
        raise Unfit(422, errors=problems)
    if call.body.check:
        return Said({"added": [], "known": 0})
    added, known = desk.store.import_keys(old, actor=call.caller, origin=call.origin)
    return Said({"added": added, "known": known})


def change_key(desk: Desk, call: Call[Nothing, KeyPatch]) -> Said:
    """The key as it is then."""
    body = call.body
    changes = KeyChanges(
        name=_kept(body.name),
        scopes=_kept(body.scopes),
        meta=_kept(body.meta),
        addresses=_kept(body.addresses),
        rate_limit=_kept(body.rate_limit),
        quota=_kept(body.quota),
        expires_at=_kept(body.expires_at),
        expires_in=KEEP
        if isinstance(body.expires_in, UnsetType)
        else parse_duration("expires_in", body.expires_in),
    )
    changed = desk.store.change(
        call.path["key_id"],
        changes,
        version=call.version,
        actor=call.caller,
        origin=call.origin,
    )
    return _shown(changed)


def rotate_key(desk: Desk, call: Call[Nothing, Rotation]) -> Said:
    """The successor with its plaintext, and the key it takes over from."""
    body, store = call.body, desk.store
    try:
        rotated = store.rotate(
            call.path["key_id"],
            overlap=_duration("overlap", body.overlap) or timedelta(0),
            expires_at=body.expires_at,
            expires_in=_duration("expires_in", body.expires_in),
            once=call.once,
            actor=call.caller,
            origin=call.origin,
        )
    except AlreadyDone as done:
        key, before = store.get(done.key_id), store.get(call.path["key_id"])
        return Said({"key": None, **key.as_json(), "predecessor": before.as_json()})
    return _made(rotated, {"predecessor": rotated.predecessor.as_json()})


def revoke_key(desk: Desk, call: Call[Nothing, Revocation]) -> Said:
    """The tombstone."""
    key = desk.store.revoke(
        call.path["key_id"],
        reason=call.body.reason,
        evidence=call.body.evidence,
        actor=call.caller,
        origin=call.origin,
    )
    return _shown(key)


def suspend_key(desk: Desk, call: Call[Nothing, Suspension]) -> Said:
    """The stopped key."""
    key = desk.store.suspend(
        call.path["key_id"], reason=call.body.reason, actor=call.caller, origin=call.origin
    )
    return _shown(key)


def resume_key(desk: Desk, call: Call[Nothing, Nothing]) -> Said:
    """The key as it is then."""
    key = desk.store.resume(call.path["key_id"], actor=call.caller, origin=call.origin)
    return _shown(key)


def show_usage(desk: Desk, call: Call[UsageFilter, Nothing]) -> Said:
    """How a key was used."""
    asked = call.query
    return Said(
        desk.store.usage(call.path["key_id"], since=asked.since, limit=asked.limit).as_json()
    )


OPERATIONS = (
    Operation(
        method="GET",
        path=_KEYS,
        name="listKeys",
        tag=_TAG,
        summary="List keys, without their secrets, which nobody has.",
        scope=_READ,
        run=list_keys,
        query=KeyFilter,
        body=Nothing,
        answers={200: wire.KeyPage},
        refusals=frozenset({422}),
        shown={200: {"keys": [examples.KEY], "next": None}},
    ),
    Operation(
        method="POST",
        path=_KEYS,
        name="issueKey",
        tag=_TAG,
        summary="Issue a key and show it, this once.",
        scope=_WRITE,
        run=issue_key,
        query=Nothing,
        body=NewKey,
        answers={201: wire.IssuedWire, 200: wire.IssuedWire},
        headers=_PLACED,
        idempotent=True,
        example=examples.NEW_KEY,
        shown={201: examples.ISSUED, 200: examples.ISSUED | {"key": None}},
    ),
    Operation(
        method="POST",
        path=f"{_KEYS}/import",
        name="importKeys",
        tag=_TAG,
        summary="Take over keys from before keyfuse by their hashes, all of them or none.",
        scope=_WRITE,
        run=import_keys,
        query=Nothing,
        body=Import,
        answers={200: wire.ImportedWire},
        largest=4 * 1024 * 1024,
        example=examples.IMPORT,
        shown={200: {"added": [examples.KEY_ID], "known": 0}},
    ),
    Operation(
        method="GET",
        path=_KEY,
        name="showKey",
        tag=_TAG,
        summary="Show one key; its ETag goes into If-Match of a change.",
        scope=_READ,
        run=show_key,
        query=Nothing,
        body=Nothing,
        answers={200: wire.KeyWire},
        headers=_TAGGED,
        shown={200: examples.KEY},
    ),
    Operation(
        method="PATCH",
        path=_KEY,
        name="changeKey",
        tag=_TAG,
        summary="Change name, scopes, meta, networks, limits or end of a key.",
        scope=_WRITE,
        run=change_key,
        query=Nothing,
        body=KeyPatch,
        answers={200: wire.KeyWire},
        headers=_TAGGED,
        refusals=_CONFLICT,
        conditional=True,
        example={"name": "nightly", "rate_limit": None},
        shown={200: examples.KEY},
    ),
    Operation(
        method="POST",
        path=f"{_KEY}/rotate",
        name="rotateKey",
        tag=_TAG,
        summary="Issue a successor and show it, this once; both work for the overlap.",
        scope=_WRITE,
        run=rotate_key,
        query=Nothing,
        body=Rotation,
        body_required=False,
        answers={201: wire.RotatedWire, 200: wire.RotatedWire},
        headers=_PLACED,
        refusals=_CONFLICT,
        idempotent=True,
        example={"overlap": "24h"},
        shown={201: examples.ROTATED, 200: examples.ROTATED | {"key": None}},
    ),
    Operation(
        method="POST",
        path=f"{_KEY}/revoke",
        name="revokeKey",
        tag=_TAG,
        summary="Kill a key for good, in every process at once.",
        scope=_WRITE,
        run=revoke_key,
        query=Nothing,
        body=Revocation,
        body_required=False,
        answers={200: wire.KeyWire},
        headers=_TAGGED,
        example={"reason": "no longer used"},
        shown={200: examples.REVOKED},
    ),
    Operation(
        method="POST",
        path=f"{_KEY}/suspend",
        name="suspendKey",
        tag=_TAG,
        summary="Stop a key until it is resumed.",
        scope=_WRITE,
        run=suspend_key,
        query=Nothing,
        body=Suspension,
        body_required=False,
        answers={200: wire.KeyWire},
        headers=_TAGGED,
        refusals=_CONFLICT,
        example={"reason": "looking into it"},
        shown={200: examples.KEY | {"state": "suspended"}},
    ),
    Operation(
        method="POST",
        path=f"{_KEY}/resume",
        name="resumeKey",
        tag=_TAG,
        summary="Undo a suspension, or else a quarantine.",
        scope=_WRITE,
        run=resume_key,
        query=Nothing,
        body=Nothing,
        answers={200: wire.KeyWire},
        headers=_TAGGED,
        refusals=_CONFLICT,
        shown={200: examples.KEY},
    ),
    Operation(
        method="GET",
        path=f"{_KEY}/usage",
        name="showUsage",
        tag=_TAG,
        summary="Show how a key was used, the latest first: by hour, and call by call if recorded.",
        scope=_READ,
        run=show_usage,
        query=UsageFilter,
        body=Nothing,
        answers={200: wire.UsageWire},
        shown={200: examples.USAGE},
    ),
)


def _shown(key: Key) -> Said:
    return Said(key.as_json(), headers={"etag": f'"{key.version}"'})


def _made(made: Issued | Rotated, more: dict[str, object]) -> Said:
    body = {"key": made.token.reveal(), **made.key.as_json(), **more}
    return Said(body, 201, {"location": f"{_KEYS}/{made.key.id}"})


def _duration(field: str, text: str | None) -> timedelta | None:
    return None if text in {None, "0"} else parse_duration(field, text or "")


def _kept(value: Given | UnsetType) -> Given | Keep:
    return KEEP if isinstance(value, UnsetType) else value


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
