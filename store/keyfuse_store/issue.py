"""Issue a key: check every field, draw the key, write its row and its audit entry."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from keyfuse_rules.keyformat import PREFIX_MAX
from keyfuse_rules.prefixes import InvalidPrefix, check_prefix
from keyfuse_store import addresses, fields, keys, limits, owners, scopes, validity
from keyfuse_store.audit import AuditLog
from keyfuse_store.audit_changes import Change
from keyfuse_store.catalogue import Catalogue
from keyfuse_store.drawing import Drawn, draw
from keyfuse_store.errors import InvalidField, OwnerNotFound
from keyfuse_store.model import Issued, Key
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import keys as table
from keyfuse_store.times import rfc3339

BATCH_MAX = 500


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
    origin: str | None = None,
    catalogue: Catalogue | None = None,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> Issued:
    """Issue one key inside the caller's write transaction.

    Raises:
        InvalidField: a field is not acceptable; it is named.
        OwnerNotFound: the owner id does not exist.
    """
    return issue_all(
        connection,
        audit,
        ring,
        [order],
        actor=actor,
        at=at,
        origin=origin,
        catalogue=catalogue,
        token_bytes=token_bytes,
    )[0]


def issue_all(
    connection: Connection,
    audit: AuditLog,
    ring: PepperRing,
    orders: Sequence[KeyOrder],
    *,
    actor: str,
    at: int,
    origin: str | None = None,
    catalogue: Catalogue | None = None,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> list[Issued]:
    """Issue a batch of keys, of at most `BATCH_MAX`, inside the caller's write transaction.

    Raises:
        InvalidField: a field of one of them is not acceptable.
        OwnerNotFound: an owner id does not exist.
    """
    if len(orders) > BATCH_MAX:
        raise InvalidField("orders", f"has {len(orders)} keys; {BATCH_MAX} are allowed")
    rows = [checked(order, at, catalogue) for order in orders]
    names = [owner_text(order) for order in orders]
    owned = owner_ids(
        connection, audit, names, actor=actor, at=at, origin=origin, token_bytes=token_bytes
    )
    rows = [row | {"owner_id": owner} for row, owner in zip(rows, owned, strict=True)]
    drawn = write(connection, ring, rows, token_bytes)
    issued = keys.get_all(connection, [one.key_id for one in drawn])
    entries = [Change("key.issued", key.id, _detail(key)) for key in issued]
    audit.append_all(connection, entries, actor=actor, at=at, origin=origin)
    return [Issued(one.token, key) for one, key in zip(drawn, issued, strict=True)]


def write(
    connection: Connection,
    ring: PepperRing,
    rows: Sequence[Mapping[str, object]],
    token_bytes: Callable[[int], bytes],
) -> list[Drawn]:
    """Draw a key for each row and write the row under it; the audit entries are the caller's."""
    drawn = draw(connection, [str(row["prefix"]) for row in rows], token_bytes)
    full = []
    for row, one in zip(rows, drawn, strict=True):
        version, digest = ring.digest(one.token.reveal())
        full.append({**row, "id": one.key_id, "pepper_version": version, "digest": digest})
    if full:
        connection.execute(insert(table), full)
    return drawn


def checked(order: KeyOrder, at: int, catalogue: Catalogue | None) -> dict[str, object]:
    """The columns that an order determines.

    Raises:
        InvalidField: a field is not acceptable; it is named.
    """
    begin = validity.beginning(order.not_before, at)
    granted = scopes.granted("scopes", order.scopes, management=order.admin)
    if catalogue is not None and not order.admin:
        catalogue.check("scopes", granted.split())
    return {
        "prefix": _prefix(order),
        "name": fields.line("name", order.name),
        "meta": fields.meta("meta", order.meta),
        "scopes": granted,
        "addresses": addresses.allow_list("addresses", order.addresses),
        "rate_limit": limits.rate_text("rate_limit", order.rate_limit),
        "quota": limits.quota_text("quota", order.quota),
        "state": "active",
        "created_at": at,
        "not_before": begin,
        "expires_at": validity.end(
            begin, at, expires_at=order.expires_at, expires_in=order.expires_in
        ),
    }


def owner_text(order: KeyOrder) -> str:
    """The mail address or id of the owner, as far as it can be checked without a database.

    Raises:
        InvalidField: it is neither.
    """
    if fields.is_owner_id(order.owner):
        return order.owner
    return fields.email("owner", order.owner)


def owner_ids(
    connection: Connection,
    audit: AuditLog,
    names: Sequence[str],
    *,
    actor: str,
    at: int,
    origin: str | None = None,
    token_bytes: Callable[[int], bytes],
) -> list[str]:
    """The id of each owner; a mail address that is new adds one.

    Raises:
        OwnerNotFound: an owner id does not exist.
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        owner = owners.find(connection, name)
        if owner is None and fields.is_owner_id(name):
            raise OwnerNotFound(name)
        if owner is None:
            owner = owners.add(
                connection,
                audit,
                email=name,
                actor=actor,
                at=at,
                origin=origin,
                token_bytes=token_bytes,
            )
        found[name] = owner.id
    return [found[name] for name in names]


def _prefix(order: KeyOrder) -> str:
    prefix = fields.line("prefix", order.prefix, longest=PREFIX_MAX, empty=False)
    try:
        check_prefix(prefix, management=order.admin)
    except InvalidPrefix as error:
        raise InvalidField("prefix", str(error).partition(": ")[2]) from None
    return prefix


def _detail(key: Key) -> dict[str, object]:
    return {
        "prefix": key.prefix,
        "owner": key.owner_id,
        "scopes": key.scopes,
        "expires": rfc3339(key.expires_us),
    }
