"""Keys that exist: list, show, change, suspend, resume, revoke, usage."""

from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from keyfuse_store import wire
from keyfuse_store.changes import KEEP, Keep, KeyChanges
from keyfuse_store.listing import Sort, Standing
from keyfuse_store.model import Key
from keyfuse_store.times import parse_duration
from keyfuse_store.usage_history import PAGE_MAX as USAGE_MAX
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Answered, Call, Desk, Nothing, Operation, Said
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

_READ, _WRITE = "keyfuse:keys.read", "keyfuse:keys.write"
_KEY = "/v1/keys/{key_id}"
_CONFLICT = frozenset({409})


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


def list_keys(desk: Desk, call: Call[KeyFilter]) -> Said:
    """A page of keys."""
    asked = call.asked
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


def show_key(desk: Desk, call: Call[Nothing]) -> Said:
    """One key, with its version as ETag."""
    return _shown(desk.store.get(call.path["key_id"]))


def change_key(desk: Desk, call: Call[KeyPatch]) -> Said:
    """The key as it is then."""
    asked = call.asked
    period = _kept(asked.expires_in)
    changes = KeyChanges(
        name=_kept(asked.name),
        scopes=_kept(asked.scopes),
        meta=_kept(asked.meta),
        addresses=_kept(asked.addresses),
        rate_limit=_kept(asked.rate_limit),
        quota=_kept(asked.quota),
        expires_at=_kept(asked.expires_at),
        expires_in=parse_duration("expires_in", period) if isinstance(period, str) else KEEP,
    )
    changed = desk.store.change(call.path["key_id"], changes, version=call.version, **call.by)
    return _shown(changed)


def suspend_key(desk: Desk, call: Call[Suspension]) -> Said:
    """The stopped key."""
    return _shown(desk.store.suspend(call.path["key_id"], reason=call.asked.reason, **call.by))


def resume_key(desk: Desk, call: Call[Nothing]) -> Said:
    """The key as it is then."""
    return _shown(desk.store.resume(call.path["key_id"], **call.by))


def revoke_key(desk: Desk, call: Call[Revocation]) -> Said:
    """The tombstone."""
    asked, key_id = call.asked, call.path["key_id"]
    return _shown(
        desk.store.revoke(key_id, reason=asked.reason, evidence=asked.evidence, **call.by)
    )


def show_usage(desk: Desk, call: Call[UsageFilter]) -> Said:
    """How a key was used."""
    asked, key_id = call.asked, call.path["key_id"]
    return Said(desk.store.usage(key_id, since=asked.since, limit=asked.limit).as_json())


def _tagged(example: dict[str, object]) -> dict[int, Answered]:
    """The answer that is one key; its ETag goes into `If-Match` of a change."""
    return {200: Answered(wire.KeyWire, example, ("ETag",))}


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/keys",
        name="listKeys",
        summary="List keys, without their secrets, which nobody has.",
        scope=_READ,
        run=list_keys,
        asks=KeyFilter,
        answers={200: Answered(wire.KeyPage, {"keys": [examples.KEY], "next": None})},
    ),
    Operation(
        method="GET",
        path=_KEY,
        name="showKey",
        summary="Show one key; its ETag goes into If-Match of a change.",
        scope=_READ,
        run=show_key,
        asks=Nothing,
        answers=_tagged(examples.KEY),
    ),
    Operation(
        method="PATCH",
        path=_KEY,
        name="changeKey",
        summary="Change name, scopes, meta, networks, limits or end of a key.",
        scope=_WRITE,
        run=change_key,
        asks=KeyPatch,
        example={"name": "nightly", "rate_limit": None},
        answers=_tagged(examples.KEY),
        refusals=_CONFLICT,
        conditional=True,
    ),
    Operation(
        method="POST",
        path=f"{_KEY}/suspend",
        name="suspendKey",
        summary="Stop a key until it is resumed.",
        scope=_WRITE,
        run=suspend_key,
        asks=Suspension,
        body_required=False,
        example={"reason": "looking into it"},
        answers=_tagged(examples.KEY | {"state": "suspended"}),
        refusals=_CONFLICT,
    ),
    Operation(
        method="POST",
        path=f"{_KEY}/resume",
        name="resumeKey",
        summary="Undo a suspension, or else a quarantine.",
        scope=_WRITE,
        run=resume_key,
        asks=Nothing,
        answers=_tagged(examples.KEY),
        refusals=_CONFLICT,
    ),
    Operation(
        method="POST",
        path=f"{_KEY}/revoke",
        name="revokeKey",
        summary="Kill a key for good, in every process at once.",
        scope=_WRITE,
        run=revoke_key,
        asks=Revocation,
        body_required=False,
        example={"reason": "no longer used"},
        answers=_tagged(examples.REVOKED),
    ),
    Operation(
        method="GET",
        path=f"{_KEY}/usage",
        name="showUsage",
        summary="Show how a key was used, the latest first: by hour, and call by call if recorded.",
        scope=_READ,
        run=show_usage,
        asks=UsageFilter,
        answers={200: Answered(wire.UsageWire, examples.USAGE)},
    ),
)


def _shown(key: Key) -> Said:
    return Said(key.as_json(), headers={"etag": f'"{key.version}"'})


def _kept(value: Given | UnsetType) -> Given | Keep:
    return KEEP if isinstance(value, UnsetType) else value
