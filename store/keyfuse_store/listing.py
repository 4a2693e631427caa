"""Keys as a person looks for them: by any text, by what they are now, in a chosen order.

A hundred thousand keys are few for an index and many for a sort. Whatever could make the database
go through all of them in order without finding a page (a search, the keys past their end) is first
asked for without an order: where few keys answer, only those are sorted; where many do, a page of
them is found soon in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, tuple_

from keyfuse_store import fields, keys
from keyfuse_store.errors import InvalidField
from keyfuse_store.model import Key
from keyfuse_store.schema import keys as table
from keyfuse_store.schema import owners as owners_table

Sort = Literal["newest", "oldest", "name", "owner", "ending"]
Standing = Literal["active", "suspended", "quarantined", "revoked", "expired"]

SORTS: tuple[Sort, ...] = get_args(Sort)
STANDINGS: tuple[Standing, ...] = get_args(Standing)
PAGE_MAX = 1000
_FEW = 1000

# What is compared before the id, as indexes have it, and whether the greatest comes first.
_ORDERS: Mapping[Sort, tuple[tuple[ColumnElement[Any], ...], bool]] = {
    "newest": ((table.c.created_at,), True),
    "oldest": ((table.c.created_at,), False),
    "name": ((table.c.name,), False),
    "owner": ((owners_table.c.email_folded, table.c.created_at), False),
    "ending": ((table.c.expires_at,), False),
}
_BY_CREATION = ("newest", "oldest")
# Where many keys are in a state, the index on it is a way to them all, not to a page in order.
_UNINDEXED_STATE: ColumnElement[str] = table.c.state.concat("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which keys, in which order.

    Attributes:
        search: The beginning of an id, or a part of a name or of an owner's mail address.
        standing: What they are at this moment; past its end a key is `expired`.
        owner_id: Whose.
        prefix: Of which prefix.
        sort: `ending` leaves out keys without an end.
    """

    search: str = ""
    standing: Standing | None = None
    owner_id: str | None = None
    prefix: str | None = None
    sort: Sort = "newest"


def find(
    connection: Connection, wanted: Wanted, *, now: int, after: str | None = None, limit: int = 50
) -> list[Key]:
    """A page of keys, after the key with the id `after`.

    Raises:
        InvalidField: the search is no text on one line, or holds a whole key; or the limit, the
            order or the standing is none.
        KeyNotFound: the key `after` does not exist.
    """
    _check(wanted, limit)
    conditions = _conditions(wanted, now)
    if wanted.search or wanted.standing is not None or wanted.prefix is not None:
        few = _few(connection, conditions)
        if few is not None:
            conditions = [table.c.id.in_(few)]
        elif wanted.sort not in _BY_CREATION:
            conditions = _conditions(wanted, now, _UNINDEXED_STATE)
    columns, greatest_first = _ORDERS[wanted.sort]
    rows = _narrowed(keys.select_keys(), conditions)
    order = (*columns, table.c.id)
    if after is not None:
        place = tuple_(*order)
        last = _place_of(connection, after, order)
        rows = rows.where(place < last if greatest_first else place > last)
    if wanted.sort == "ending":
        rows = rows.where(table.c.expires_at.is_not(None))
    by = [one.desc() if greatest_first else one for one in order]
    return [Key(*row) for row in connection.execute(rows.order_by(*by).limit(limit))]


def _check(wanted: Wanted, limit: int) -> None:
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidField("limit", f"must be 1 to {PAGE_MAX}")
    if wanted.standing is not None and wanted.standing not in STANDINGS:
        raise InvalidField("state", f"must be one of {', '.join(STANDINGS)}")
    if wanted.sort not in SORTS:
        raise InvalidField("sort", f"must be one of {', '.join(SORTS)}")


def _conditions(
    wanted: Wanted, now: int, state: ColumnElement[str] = table.c.state
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    ended = or_(table.c.expires_at <= now, table.c.overlap_until <= now)
    if wanted.standing == "expired":
        found += [ended, state != "revoked"]
    elif wanted.standing is not None:
        found.append(state == wanted.standing)
        if wanted.standing != "revoked":
            found += [
                or_(table.c.expires_at.is_(None), table.c.expires_at > now),
                or_(table.c.overlap_until.is_(None), table.c.overlap_until > now),
            ]
    if wanted.owner_id is not None:
        found.append(table.c.owner_id == wanted.owner_id)
    if wanted.prefix is not None:
        found.append(table.c.prefix == wanted.prefix)
    if wanted.search:
        found.append(_holds(fields.line("search", wanted.search)))
    return found


def _holds(text: str) -> ColumnElement[bool]:
    whose = select(owners_table.c.id).where(
        owners_table.c.email_folded.contains(text.casefold(), autoescape=True)
    )
    return or_(
        func.substr(table.c.id, 1, len(text)) == text,
        func.lower(table.c.name).contains(text.lower(), autoescape=True),
        table.c.owner_id.in_(whose),
    )


def _few(connection: Connection, conditions: list[ColumnElement[bool]]) -> list[str] | None:
    """The ids of all keys that answer; None where they are many."""
    found = connection.scalars(_narrowed(select(table.c.id), conditions).limit(_FEW + 1)).all()
    return None if len(found) > _FEW else list(found)


def _narrowed(rows: Select[Any], conditions: list[ColumnElement[bool]]) -> Select[Any]:
    for condition in conditions:
        rows = rows.where(condition)
    return rows


def _place_of(connection: Connection, key_id: str, order: tuple[ColumnElement[Any], ...]) -> Any:
    """Where a key stands in an order."""
    keys.get(connection, key_id)
    row = connection.execute(
        select(*order)
        .join_from(table, owners_table, table.c.owner_id == owners_table.c.id)
        .where(table.c.id == key_id)
    ).one()
    if row[0] is None:
        raise InvalidField("after", "is not in this list")
    return tuple_(*row)
