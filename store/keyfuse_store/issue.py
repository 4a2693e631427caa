"""Issue a key: check every field, draw the key, write its row and its audit entry."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from keyfuse_rules.keyformat import PREFIX_MAX, ParsedKey, generate
from keyfuse_rules.prefixes import InvalidPrefix, check_prefix
from keyfuse_rules.secret import Secret
from keyfuse_store import addresses, fields, keys, limits, owners, scopes
from keyfuse_store.audit import AuditLog
from keyfuse_store.errors import InvalidField, StoreError
from keyfuse_store.model import Issued, Owner
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import keys as table
from keyfuse_store.times import later, rfc3339, to_micros

# 62^10 ids: two collisions in a row are a broken random source, not bad luck.
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOrder:
    """What somebody asks for; nothing in it is checked yet.

    Attributes:
        prefix: Issuer, environment and class, like `acme_live`.
        owner: A mail address (added if it is new) or an owner id.
        name: What people call the key.
        scopes: `resource:action` each.
        meta: Free-form JSON object.
        not_before: When it begins to be valid.
        expires_at: When it ends to be valid; or
        expires_in: how long it is valid from its beginning.
        rate_limit: Like `100/minute`.
        quota: Like `10000/month`.
        addresses: Networks it may be used from; empty is anywhere.
        admin: True for a management key (`keyfuse_…` with `keyfuse:` scopes).
    """

    prefix: str
    owner: str
    name: str = ""
    scopes: Sequence[str] = ()
    meta: Mapping[str, object] | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    expires_in: timedelta | None = None
    rate_limit: str | None = None
    quota: str | None = None
    addresses: Sequence[str] = ()
    admin: bool = False


def issue(
    connection: Connection,
    audit: AuditLog,
    ring: PepperRing,
    order: KeyOrder,
    *,
    actor: str,
    at: int,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> Issued:
    """Issue one key inside the caller's write transaction.

    Raises:
        InvalidField: a field is not acceptable; it is named.
        OwnerNotFound: the owner id does not exist.
    """
    columns = _checked(order, at)
    owner = _owner(connection, audit, order.owner, actor=actor, at=at, token_bytes=token_bytes)
    token, parsed = _insert(connection, ring, columns | {"owner_id": owner.id}, token_bytes)
    key = keys.get(connection, parsed.key_id)
    detail = {
        "prefix": key.prefix,
        "owner": owner.id,
        "scopes": key.scopes,
        "expires": rfc3339(key.expires_us),
    }
    audit.append(connection, action="key.issued", actor=actor, subject=key.id, at=at, detail=detail)
    return Issued(token, key)


def _checked(order: KeyOrder, at: int) -> dict[str, object]:
    """The columns that an order determines."""
    not_before, expires = _validity(order, at)
    return {
        "prefix": _prefix(order),
        "name": fields.line("name", order.name),
        "meta": fields.meta("meta", order.meta),
        "scopes": scopes.granted("scopes", order.scopes, management=order.admin),
        "addresses": addresses.allow_list("addresses", order.addresses),
        "rate_limit": limits.rate_text("rate_limit", order.rate_limit),
        "quota": limits.quota_text("quota", order.quota),
        "state": "active",
        "created_at": at,
        "not_before": not_before,
        "expires_at": expires,
    }


def _prefix(order: KeyOrder) -> str:
    prefix = fields.line("prefix", order.prefix, longest=PREFIX_MAX, empty=False)
    try:
        check_prefix(prefix, management=order.admin)
    except InvalidPrefix as error:
        raise InvalidField("prefix", str(error).partition(": ")[2]) from None
    return prefix


def _validity(order: KeyOrder, at: int) -> tuple[int | None, int | None]:
    not_before = expires = None
    if order.not_before is not None:
        not_before = to_micros("not_before", order.not_before)
        if not_before < at:
            raise InvalidField("not_before", "lies in the past")
    if order.expires_at is not None and order.expires_in is not None:
        raise InvalidField("expires_in", "give either this or expires_at")
    begin = at if not_before is None else not_before
    if order.expires_in is not None:
        expires = later("expires_in", begin, order.expires_in)
    if order.expires_at is not None:
        expires = to_micros("expires_at", order.expires_at)
        if expires <= at:
            raise InvalidField("expires_at", "lies in the past")
        if expires <= begin:
            raise InvalidField("expires_at", "lies before not_before")
    return not_before, expires


def _owner(
    connection: Connection,
    audit: AuditLog,
    owner: str,
    *,
    actor: str,
    at: int,
    token_bytes: Callable[[int], bytes],
) -> Owner:
    if fields.is_owner_id(owner):
        return owners.get(connection, owner)
    found = owners.find(connection, owner)
    if found is not None:
        return found
    return owners.add(connection, audit, email=owner, actor=actor, at=at, token_bytes=token_bytes)


def _insert(
    connection: Connection,
    ring: PepperRing,
    columns: dict[str, object],
    token_bytes: Callable[[int], bytes],
) -> tuple[Secret, ParsedKey]:
    """Write the row under a fresh key; an id that is taken is drawn again."""
    for _ in range(_ATTEMPTS):
        token, parsed = generate(str(columns["prefix"]), token_bytes)
        version, digest = ring.digest(token.reveal())
        row = columns | {"id": parsed.key_id, "pepper_version": version, "digest": digest}
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(row))
        except IntegrityError:
            continue
        return token, parsed
    raise StoreError("no free key id was drawn: the random source repeats itself")
