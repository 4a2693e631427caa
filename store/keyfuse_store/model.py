"""The values that flow through the store. Read this first.

A `Key` is one row of the table with its times still in epoch microseconds; the properties give
them as datetimes. The plaintext of a key is in none of them but `Issued` and `Rotated`, once. What
verification answers is in `verdict`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

import msgspec

from keyfuse_rules import Secret
from keyfuse_store.times import from_micros, rfc3339

KeyState = Literal["active", "suspended", "quarantined", "revoked"]


# gc=False and no parsing on construction: verification makes one of these per call.
class Grant(msgspec.Struct, frozen=True, gc=False):
    """What decides about a call, from `scopes_text` on in the order of `keys.GRANT_COLUMNS`."""

    id: str
    prefix: str
    scopes_text: str
    addresses_text: str
    rate_limit: str | None
    quota: str | None
    state: KeyState
    quarantine_text: str | None
    not_before_us: int | None
    expires_us: int | None
    overlap_until_us: int | None

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the key was granted, as `resource:action`."""
        return words(self.scopes_text)

    @property
    def quarantine_scopes(self) -> tuple[str, ...] | None:
        """What is left of the scopes in quarantine; None if the key is not in quarantine."""
        return None if self.quarantine_text is None else words(self.quarantine_text)

    @property
    def expires(self) -> datetime | None:
        """When the key ends to be valid."""
        return None if self.expires_us is None else from_micros(self.expires_us)


class Holder(Grant, frozen=True, gc=False):
    """The same and whose key it is: what an API wants to know about a caller."""

    name: str
    meta_json: str
    owner: str

    @property
    def meta(self) -> Mapping[str, object]:
        """The free-form data given at issue."""
        meta: dict[str, object] = json.loads(self.meta_json)
        return meta


class Key(Holder, frozen=True, gc=False):
    """An issued key without its secret, the fields in the order of `keys.KEY_COLUMNS`."""

    owner_id: str
    created_us: int
    predecessor_id: str | None
    successor_id: str | None
    revoked_us: int | None
    revoke_reason: str | None
    revoke_evidence_json: str | None
    last_used_us: int | None
    legacy: str | None
    expiry_warned_us: int | None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The networks the key may be used from; empty means anywhere."""
        return words(self.addresses_text)

    @property
    def created(self) -> datetime:
        """When the key was issued."""
        return from_micros(self.created_us)

    @property
    def not_before(self) -> datetime | None:
        """When the key begins to be valid."""
        return None if self.not_before_us is None else from_micros(self.not_before_us)

    @property
    def overlap_until(self) -> datetime | None:
        """When the key, having been rotated, ends to be valid beside its successor."""
        return None if self.overlap_until_us is None else from_micros(self.overlap_until_us)

    @property
    def revoked(self) -> datetime | None:
        """When the key died."""
        return None if self.revoked_us is None else from_micros(self.revoked_us)

    @property
    def last_used(self) -> datetime | None:
        """When the key was last seen valid, late by up to a second."""
        return None if self.last_used_us is None else from_micros(self.last_used_us)

    @property
    def revoke_evidence(self) -> Mapping[str, object] | None:
        """What the revocation rests on."""
        if self.revoke_evidence_json is None:
            return None
        evidence: dict[str, object] = json.loads(self.revoke_evidence_json)
        return evidence

    @property
    def version(self) -> str:
        """Another text whenever anything about the key is another but its last use."""
        seen = self.as_json() | {"last_used": None}
        text = json.dumps(seen, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def as_json(self) -> dict[str, object]:
        """The key as programs see it, on the command line and over HTTP."""
        return {
            "id": self.id,
            "prefix": self.prefix,
            "owner": self.owner,
            "owner_id": self.owner_id,
            "name": self.name,
            "meta": self.meta,
            "scopes": self.scopes,
            "addresses": self.addresses,
            "rate_limit": self.rate_limit,
            "quota": self.quota,
            "state": self.state,
            "quarantine_scopes": self.quarantine_scopes,
            "created": rfc3339(self.created_us),
            "not_before": rfc3339(self.not_before_us),
            "expires": rfc3339(self.expires_us),
            "overlap_until": rfc3339(self.overlap_until_us),
            "predecessor_id": self.predecessor_id,
            "successor_id": self.successor_id,
            "revoked": rfc3339(self.revoked_us),
            "revoke_reason": self.revoke_reason,
            "revoke_evidence": self.revoke_evidence,
            "last_used": rfc3339(self.last_used_us),
            "legacy": self.legacy,
        }


@dataclass(frozen=True, slots=True)
class Issued:
    """The one answer that carries a plaintext key."""

    token: Secret
    key: Key


@dataclass(frozen=True, slots=True)
class Rotated:
    """A rotation: the successor with its plaintext, and the key it takes over from."""

    token: Secret
    key: Key
    predecessor: Key


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a key belongs to and who is told when it leaks."""

    id: str
    email: str
    name: str
    created_us: int

    @property
    def created(self) -> datetime:
        """When the owner was added."""
        return from_micros(self.created_us)

    def as_json(self) -> dict[str, object]:
        """The owner as programs see it."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "created": rfc3339(self.created_us),
        }


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The parts of a stored list; keys share few distinct lists, so the text is the cache key."""
    return tuple(text.split())
