"""Adoption: take over keys that were issued before keyfuse, so that nobody needs a new one.

What is taken over is the hash that the API kept; the plaintext is known to its holder alone. Each
key gets an id like any other. It is verified, rotated into the present format, revoked and matched
against leaks; only its looks are its own (the `legacy` pattern of its key type).
"""

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from keyfuse_store import issue
from keyfuse_store.audit import AuditLog
from keyfuse_store.audit_changes import Change
from keyfuse_store.catalogue import Catalogue
from keyfuse_store.drawing import draw
from keyfuse_store.errors import InvalidField
from keyfuse_store.issue import KeyOrder
from keyfuse_store.keytypes import KeyType, Legacy
from keyfuse_store.legacy import material, peppered, size
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import keys as table
from keyfuse_store.times import to_micros

BATCH_MAX = 500


@dataclass(frozen=True, slots=True)
class OldKey:
    """A key as its API knew it; nothing in it is checked yet.

    Attributes:
        order: Everything but the key itself.
        hash: What the API kept of the key: hexadecimal or base64, also as `sha512$$…`.
        created: When it was issued; None is now.
    """

    order: KeyOrder
    hash: str
    created: datetime | None = None


class Adopted(NamedTuple):
    """What an import did: the ids of the keys it added, and how many were there already."""

    added: tuple[str, ...]
    known: int


class CheckedKey(NamedTuple):
    """An old key that can be written: its columns without id and owner."""

    owner: str
    columns: dict[str, object]
    digests: tuple[bytes, ...]


def check(
    old: OldKey, types: Sequence[KeyType], ring: PepperRing, catalogue: Catalogue | None, at: int
) -> CheckedKey:
    """Examine one old key without touching a database.

    Raises:
        InvalidField: a field is not acceptable; it is named.
    """
    created = at if old.created is None else to_micros("created", old.created)
    if not 0 <= created <= at:
        raise InvalidField("created", "must lie in the past")
    # An end that has passed since is no mistake: the key is taken over as expired.
    columns = issue.checked(old.order, created, catalogue)
    legacy = _legacy(old.order.prefix, types)
    digests = peppered(ring, material(legacy, _hash(old.hash, legacy)))
    columns |= {"legacy": legacy.hash, "pepper_version": ring.current, "digest": digests[0]}
    return CheckedKey(issue.owner_text(old.order), columns, tuple(digests))


def adopt(
    connection: Connection,
    audit: AuditLog,
    batch: Sequence[CheckedKey],
    *,
    actor: str,
    at: int,
    origin: str | None = None,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> Adopted:
    """Write a batch of checked keys, of at most `BATCH_MAX`, inside the caller's transaction.

    A key whose hash is there already is left as it is, so that an import can be repeated.

    Raises:
        OwnerNotFound: an owner id does not exist.
    """
    known = _known(connection, batch)
    fresh: dict[bytes, CheckedKey] = {}
    for one in batch:
        if known.isdisjoint(one.digests):
            fresh.setdefault(one.digests[0], one)
    rows = [one.columns for one in fresh.values()]
    owners = issue.owner_ids(
        connection,
        audit,
        [one.owner for one in fresh.values()],
        actor=actor,
        at=at,
        origin=origin,
        token_bytes=token_bytes,
    )
    # An id is drawn as for a new key; its secret half is nobody's and is dropped.
    ids = [
        one.key_id for one in draw(connection, [str(row["prefix"]) for row in rows], token_bytes)
    ]
    full = [
        row | {"id": key_id, "owner_id": owner}
        for row, key_id, owner in zip(rows, ids, owners, strict=True)
    ]
    if full:
        connection.execute(insert(table), full)
    audit.append_all(connection, [_entry(row) for row in full], actor=actor, at=at, origin=origin)
    return Adopted(tuple(ids), len(batch) - len(ids))


def _legacy(prefix: str, types: Sequence[KeyType]) -> Legacy:
    found = next((kind.legacy for kind in types if kind.prefix == prefix), None)
    if found is None:
        raise InvalidField("prefix", "its [[key_types]] entry has no legacy = {pattern, hash}")
    return found


def _hash(text: object, legacy: Legacy) -> bytes:
    wanted = size(legacy)
    if isinstance(text, str):
        # Django's way to say which hash it is, and that there is no salt.
        encoded = text.removeprefix(f"{legacy.hash}$$").strip()
        for decode in (bytes.fromhex, _base64):
            try:
                found = decode(encoded)
            except ValueError:
                continue
            if len(found) == wanted:
                return found
    raise InvalidField(
        "hash", f"must be a {legacy.hash} of {wanted} bytes in hexadecimal or base64"
    )


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _known(connection: Connection, batch: Sequence[CheckedKey]) -> set[bytes]:
    wanted = sorted({digest for one in batch for digest in one.digests})
    found: set[bytes] = set()
    for start in range(0, len(wanted), BATCH_MAX):
        here = wanted[start : start + BATCH_MAX]
        found.update(
            connection.scalars(
                select(table.c.digest).where(table.c.legacy.is_not(None), table.c.digest.in_(here))
            )
        )
    return found


def _entry(row: Mapping[str, object]) -> Change:
    detail = {"prefix": row["prefix"], "owner": row["owner_id"], "hash": row["legacy"]}
    return Change("key.imported", str(row["id"]), detail | {"scopes": str(row["scopes"]).split()})
