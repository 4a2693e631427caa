"""Keys as rows: the columns, reading them, and proving that a whole key is one of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    literal_column,
    select,
)

from keyfuse_rules.keyformat import parse, strip_presentation
from keyfuse_store import fields
from keyfuse_store.errors import KeyNotFound
from keyfuse_store.legacy import LegacyKeys
from keyfuse_store.model import Key
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import keys as table
from keyfuse_store.schema import owners as owners_table

_BATCH = 500


# As text: SQLAlchemy would make a bound parameter of the limit.
_LAST_USED: ColumnElement[Any] = literal_column(
    "(SELECT last_used_at FROM kf_usage_hours WHERE key_id = kf_keys.id"
    " AND last_used_at IS NOT NULL ORDER BY hour DESC LIMIT 1)"
)
# In the order of the fields of `model.Grant`, after id and prefix: those are in the key itself.
GRANT_COLUMNS = (
    table.c.scopes,
    table.c.addresses,
    table.c.rate_limit,
    table.c.quota,
    table.c.state,
    table.c.quarantine_scopes,
    table.c.not_before,
    table.c.expires_at,
    table.c.overlap_until,
)
# The same for `model.Holder` but its owner, and all fields of `model.Key`.
HOLDER_COLUMNS = (*GRANT_COLUMNS, table.c.name, table.c.meta)
KEY_COLUMNS = (
    table.c.id,
    table.c.prefix,
    *HOLDER_COLUMNS,
    owners_table.c.email,
    table.c.owner_id,
    table.c.created_at,
    table.c.predecessor_id,
    table.c.successor_id,
    table.c.revoked_at,
    table.c.revoke_reason,
    table.c.revoke_evidence,
    _LAST_USED,
    table.c.legacy,
    table.c.expiry_warned_at,
)
_PROOF_COLUMNS = (table.c.digest, table.c.pepper_version)


def grant_lookup() -> Select[Any]:
    """The one SELECT of verification: digest, pepper version and the grant, by `id`."""
    return select(*_PROOF_COLUMNS, *GRANT_COLUMNS).where(table.c.id == bindparam("id"))


def holder_lookup() -> Select[Any]:
    """The same with what the key is called, and the id of its owner."""
    columns = (*_PROOF_COLUMNS, *HOLDER_COLUMNS, table.c.owner_id)
    return select(*columns).where(table.c.id == bindparam("id"))


def address_lookup() -> Select[Any]:
    """The mail address of an owner, by `id`."""
    return select(owners_table.c.email).where(owners_table.c.id == bindparam("id"))


def lookup() -> Select[Any]:
    """The same with the whole key: digest, pepper version and the key, by `id`."""
    return _joined(*_PROOF_COLUMNS, *KEY_COLUMNS).where(table.c.id == bindparam("id"))


def legacy_rows(versions: Sequence[int], digests: Sequence[bytes]) -> Select[Any]:
    """What `lookup` selects, for keys from before keyfuse under any of these digests."""
    return _joined(*_PROOF_COLUMNS, *KEY_COLUMNS).where(
        # As the partial index has it.
        table.c.legacy.is_not(None),
        table.c.pepper_version.in_(versions),
        table.c.digest.in_(digests),
    )


def select_keys() -> Select[Any]:
    """A SELECT of whole keys, to be narrowed down."""
    return _joined(*KEY_COLUMNS)


def get(connection: Connection, key_id: str) -> Key:
    """The key with this id, in any state.

    Raises:
        KeyNotFound: there is none.
    """
    row = connection.execute(select_keys().where(table.c.id == fields.key_id(key_id))).one_or_none()
    if row is None:
        raise KeyNotFound(key_id)
    return Key(*row)


def get_all(connection: Connection, key_ids: Sequence[str]) -> list[Key]:
    """The keys with these ids, of which there are no more than a batch, in the same order.

    Raises:
        KeyNotFound: one is missing.
    """
    rows = connection.execute(select_keys().where(table.c.id.in_(key_ids)))
    found = {row.id: Key(*row) for row in rows}
    for key_id in key_ids:
        if key_id not in found:
            raise KeyNotFound(key_id)
    return [found[key_id] for key_id in key_ids]


def held(connection: Connection, key_id: str) -> Row[Any]:
    """The row of a key, which nobody else changes before the transaction ends.

    Raises:
        KeyNotFound: there is none.
    """
    row = connection.execute(
        select(table).where(table.c.id == fields.key_id(key_id)).with_for_update()
    ).one_or_none()
    if row is None:
        raise KeyNotFound(key_id)
    return row


def match(
    connection: Connection,
    ring: PepperRing,
    tokens: Sequence[object],
    legacy: LegacyKeys | None = None,
) -> list[Key | None]:
    """For each token the key it is, in any state, proven by the whole secret; else None."""
    found: list[Key | None] = []
    for start in range(0, len(tokens), _BATCH):
        batch = [one if isinstance(one, str) else "" for one in tokens[start : start + _BATCH]]
        ours = _match_batch(connection, ring, batch)
        if legacy:
            # Whatever is none of ours may be older than we are.
            texts = ["" if key else text for text, key in zip(batch, ours, strict=True)]
            older = _match_legacy(connection, legacy, texts)
            ours = [key or other for key, other in zip(ours, older, strict=True)]
        found += ours
    return found


def _match_batch(
    connection: Connection, ring: PepperRing, tokens: Sequence[str]
) -> list[Key | None]:
    texts = [strip_presentation(token) for token in tokens]
    parsed = [parse(text) for text in texts]
    wanted = {key.key_id for key in parsed if key is not None}
    if not wanted:
        return [None] * len(tokens)
    rows = connection.execute(
        _joined(*_PROOF_COLUMNS, *KEY_COLUMNS).where(table.c.id.in_(sorted(wanted)))
    )
    candidates = {row.id: row for row in rows}
    proven: list[Key | None] = []
    for text, key in zip(texts, parsed, strict=True):
        row = candidates.get(key.key_id) if key is not None else None
        known = row is not None and ring.proves(row.pepper_version, text, row.digest)
        proven.append(Key(*row[2:]) if row is not None and known else None)
    return proven


def _match_legacy(
    connection: Connection, legacy: LegacyKeys, tokens: Sequence[str]
) -> list[Key | None]:
    digests = [legacy.digests(strip_presentation(token)) for token in tokens]
    found: dict[bytes, Key] = {}
    wanted = sorted({digest for some in digests for digest in some})
    for start in range(0, len(wanted), _BATCH):
        rows = connection.execute(legacy_rows(legacy.versions, wanted[start : start + _BATCH]))
        found.update((bytes(row.digest), Key(*row[2:])) for row in rows)
    return [next((found[digest] for digest in some if digest in found), None) for some in digests]


def _joined(*columns: ColumnElement[Any]) -> Select[Any]:
    statement = select(*columns)
    return statement.join_from(table, owners_table, table.c.owner_id == owners_table.c.id)
