"""Changes to a key that leave it the same key: name, scopes, limits, term."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, update

from keyfuse_rules.prefixes import is_management_prefix
from keyfuse_store import addresses, fields, keys, limits, scopes, validity
from keyfuse_store.audit import AuditLog
from keyfuse_store.catalogue import Catalogue
from keyfuse_store.errors import InvalidField, StateConflict
from keyfuse_store.schema import keys as table
from keyfuse_store.times import rfc3339


class Keep(Enum):
    """Stands for "as it is", where None means "take it away"."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChanges:
    """What is to be different; nothing in it is checked yet. See `issue.KeyOrder` for the fields.

    `rate_limit`, `quota` and `expires_at` may be None: without limit, without end.
    """

    name: str | Keep = KEEP
    scopes: Sequence[str] | Keep = KEEP
    meta: Mapping[str, object] | Keep = KEEP
    addresses: Sequence[str] | Keep = KEEP
    rate_limit: str | Keep | None = KEEP
    quota: str | Keep | None = KEEP
    expires_at: datetime | Keep | None = KEEP
    expires_in: timedelta | Keep = KEEP


def change(
    connection: Connection,
    audit: AuditLog,
    key_id: str,
    changes: KeyChanges,
    *,
    actor: str,
    at: int,
    catalogue: Catalogue | None = None,
    origin: str | None = None,
) -> bool:
    """Change a living key inside the caller's write transaction.

    Returns:
        True if something is different now; the entry in the audit record says what.

    Raises:
        KeyNotFound: there is no such key.
        StateConflict: the key is revoked.
        InvalidField: a field is not acceptable; it is named.
    """
    row = keys.held(connection, key_id)
    if row.state == "revoked":
        raise StateConflict(f"key {key_id} is revoked, and that is final")
    before = row._asdict()
    after = _checked(changes, before, at, catalogue)
    different = {name: value for name, value in after.items() if before[name] != value}
    if not different:
        return False
    values = different | ({"expiry_warned_at": None} if "expires_at" in different else {})
    connection.execute(update(table).where(table.c.id == key_id).values(values))
    detail = {name: _from_to(name, before[name], value) for name, value in different.items()}
    audit.append(
        connection,
        action="key.changed",
        actor=actor,
        subject=key_id,
        at=at,
        detail=detail,
        origin=origin,
    )
    return True


def _checked(
    changes: KeyChanges, before: Mapping[str, Any], at: int, catalogue: Catalogue | None
) -> dict[str, object]:
    """The columns that were asked for."""
    columns: dict[str, object] = {}
    if changes.name is not KEEP:
        columns["name"] = fields.line("name", changes.name)
    if changes.scopes is not KEEP:
        management = is_management_prefix(before["prefix"])
        columns["scopes"] = scopes.granted("scopes", changes.scopes, management=management)
        if catalogue is not None and not management:
            catalogue.check("scopes", changes.scopes)
    if changes.meta is not KEEP:
        columns["meta"] = fields.meta("meta", changes.meta)
    if changes.addresses is not KEEP:
        columns["addresses"] = addresses.allow_list("addresses", changes.addresses)
    if changes.rate_limit is not KEEP:
        columns["rate_limit"] = limits.rate_text("rate_limit", changes.rate_limit)
    if changes.quota is not KEEP:
        columns["quota"] = limits.quota_text("quota", changes.quota)
    if changes.expires_at is not KEEP or changes.expires_in is not KEEP:
        columns["expires_at"] = _end(changes, before["not_before"], at)
    return columns


def _end(changes: KeyChanges, begin: int | None, at: int) -> int | None:
    if changes.expires_in is KEEP:
        moment = None if changes.expires_at is KEEP else changes.expires_at
        return validity.end(begin, at, expires_at=moment, expires_in=None)
    if changes.expires_at is not KEEP:
        raise InvalidField("expires_in", "give either this or expires_at")
    return validity.end(begin, at, expires_at=None, expires_in=changes.expires_in)


def _from_to(name: str, before: Any, after: Any) -> object:
    """What the record says of one field; of free-form data only that it is another."""
    if name == "meta":
        return "changed"
    if name in {"scopes", "addresses"}:
        return {"from": before.split(), "to": after.split()}
    if name == "expires_at":
        return {"from": rfc3339(before), "to": rfc3339(after)}
    return {"from": before, "to": after}
