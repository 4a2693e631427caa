"""What the management API says about things: the JSON that the server documents and clients read.

The values of `model` write themselves as these shapes (`as_json`); a test holds the two together.
Here are the shapes with their types, and the way back; those of leaks are in `wire_leaks`.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from keyfuse_store.audit import AuditEntry
from keyfuse_store.fields import as_json
from keyfuse_store.model import Key, KeyState, Owner
from keyfuse_store.sinks import Call
from keyfuse_store.times import to_micros
from keyfuse_store.usage_history import Hour, Usage
from keyfuse_store.verdict import Code

Moment = Annotated[datetime, Meta(description="RFC 3339, in UTC.")]
Json = Annotated[dict[str, Any], Meta(description="A free-form JSON object.")]


class KeyWire(Struct, frozen=True):
    """A key; nobody has its secret any more."""

    id: str
    prefix: str
    owner: str
    owner_id: str
    name: str
    meta: Json
    scopes: tuple[str, ...]
    addresses: tuple[str, ...]
    rate_limit: str | None
    quota: str | None
    state: KeyState
    quarantine_scopes: tuple[str, ...] | None
    created: Moment
    not_before: Moment | None
    expires: Moment | None
    overlap_until: Moment | None
    predecessor_id: str | None
    successor_id: str | None
    revoked: Moment | None
    revoke_reason: str | None
    revoke_evidence: Json | None
    last_used: Moment | None
    legacy: str | None

    def value(self) -> Key:
        """The key as the store gives it."""
        quarantine, evidence = self.quarantine_scopes, self.revoke_evidence
        return Key(
            id=self.id,
            prefix=self.prefix,
            scopes_text=" ".join(self.scopes),
            addresses_text=" ".join(self.addresses),
            rate_limit=self.rate_limit,
            quota=self.quota,
            state=self.state,
            quarantine_text=None if quarantine is None else " ".join(quarantine),
            not_before_us=micros(self.not_before),
            expires_us=micros(self.expires),
            overlap_until_us=micros(self.overlap_until),
            owner=self.owner,
            name=self.name,
            meta_json=as_json("meta", self.meta),
            owner_id=self.owner_id,
            created_us=to_micros("created", self.created),
            predecessor_id=self.predecessor_id,
            successor_id=self.successor_id,
            revoked_us=micros(self.revoked),
            revoke_reason=self.revoke_reason,
            revoke_evidence_json=None if evidence is None else as_json("evidence", evidence),
            last_used_us=micros(self.last_used),
            legacy=self.legacy,
            expiry_warned_us=None,
        )


class IssuedWire(KeyWire, frozen=True, kw_only=True):
    """A key that was made just now; the one answer with its plaintext."""

    key: Annotated[
        str | None,
        Meta(description="The plaintext, shown this once; null where the request is a repetition."),
    ]


class RotatedWire(IssuedWire, frozen=True, kw_only=True):
    """A successor that was made just now, and the key it takes over from."""

    predecessor: KeyWire


class ImportedWire(Struct, frozen=True):
    """The ids of the keys that were added, and how many were there already."""

    added: tuple[str, ...]
    known: int


class OwnerWire(Struct, frozen=True):
    """Whom keys belong to."""

    id: str
    email: str
    name: str
    created: Moment

    def value(self) -> Owner:
        """The owner as the store gives it."""
        return Owner(self.id, self.email, self.name, to_micros("created", self.created))


class EntryWire(Struct, frozen=True):
    """One entry of the audit record."""

    seq: int
    at: Moment
    actor: str
    origin: str | None
    action: str
    subject: str
    detail: Json

    def value(self) -> AuditEntry:
        """The entry as the store gives it."""
        at = to_micros("at", self.at)
        return AuditEntry(
            self.seq, at, self.actor, self.origin, self.action, self.subject, self.detail
        )


class JobWire(Struct, frozen=True):
    """Something that is done after a commit: a mail, the scan of a push."""

    id: str
    kind: str
    state: Literal["waiting", "running", "done", "undeliverable", "failed"]
    reason: str | None
    created: Moment
    updated: Moment
    line: str | None
    arguments: tuple[str, ...]
    worker: str | None

    def as_json(self) -> dict[str, object]:
        """The job as programs see it."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]  # of a struct it is a dict


class HourWire(Struct, frozen=True):
    """One hour in which a key was used."""

    hour: Moment
    valid: int
    refused: int
    spent: int


class EventWire(Struct, frozen=True):
    """One verification, where usage events are recorded."""

    at: Moment
    key_id: str | None
    code: Code
    cost: int
    scopes: tuple[str, ...]
    address: str | None
    user_agent: str | None


class UsageWire(Struct, frozen=True):
    """The use of one key, the latest first in both lists."""

    key_id: str
    hours: tuple[HourWire, ...]
    events: tuple[EventWire, ...]

    def value(self) -> Usage:
        """The use as the store gives it."""
        hours = (
            Hour(to_micros("hour", one.hour), one.valid, one.refused, one.spent)
            for one in self.hours
        )
        events = (
            Call(
                to_micros("at", one.at),
                one.key_id,
                one.code,
                one.cost,
                " ".join(one.scopes),
                one.address,
                one.user_agent,
            )
            for one in self.events
        )
        return Usage(self.key_id, tuple(hours), tuple(events))


class ChainWire(Struct, frozen=True):
    """How far the chain of the audit record holds; `problem` is null where all of it does.

    `head` is the last entry that is right; `next` is the same where entries follow it that were not
    looked at yet. `end` is where the record ends, null where even that was deleted.
    """

    ok: bool
    checked: int
    problem: str | None
    head: str
    end: str | None
    next: str | None


class KeyPage(Struct, frozen=True):
    """A page of keys, and after what to go on; `next` is null where there is no more."""

    keys: tuple[KeyWire, ...]
    next: str | None


class OwnerPage(Struct, frozen=True):
    """A page of owners."""

    owners: tuple[OwnerWire, ...]
    next: str | None


class EntryPage(Struct, frozen=True):
    """A page of the audit record."""

    entries: tuple[EntryWire, ...]
    next: int | None


class JobPage(Struct, frozen=True):
    """A page of jobs."""

    jobs: tuple[JobWire, ...]
    next: str | None


def micros(moment: datetime | None) -> int | None:
    """Epoch microseconds, or None."""
    return None if moment is None else to_micros("moment", moment)
