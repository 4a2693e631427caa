"""Owners: whom keys belong to. A mail address names one, whatever its case."""

import os
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from keyfuse_store import fields
from keyfuse_store.audit import AuditLog
from keyfuse_store.errors import InvalidField, OwnerNotFound
from keyfuse_store.model import Owner
from keyfuse_store.schema import owners as table


def add(
    connection: Connection,
    audit: AuditLog,
    *,
    email: str,
    name: str = "",
    actor: str,
    at: int,
    origin: str | None = None,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> Owner:
    """Add an owner.

    Raises:
        InvalidField: the mail address or the name is not acceptable, or the address is taken.
    """
    address = fields.email("owner", email)
    owner = Owner(f"own_{token_bytes(8).hex()}", address, fields.line("name", name), at)
    values = {
        "id": owner.id,
        "email": owner.email,
        "email_folded": address.casefold(),
        "name": owner.name,
        "created_at": at,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(values))
    except IntegrityError:
        raise InvalidField("owner", "an owner with this mail address exists already") from None
    detail = {"email": address}
    audit.append(
        connection,
        action="owner.added",
        actor=actor,
        subject=owner.id,
        at=at,
        detail=detail,
        origin=origin,
    )
    return owner


def find(connection: Connection, owner: str) -> Owner | None:
    """The owner with this id or mail address, or None."""
    if fields.is_owner_id(owner):
        where = table.c.id == owner
    else:
        where = table.c.email_folded == fields.email("owner", owner).casefold()
    row = connection.execute(select(table).where(where)).one_or_none()
    return None if row is None else _owner(row)


def get(connection: Connection, owner: str) -> Owner:
    """The owner with this id or mail address.

    Raises:
        OwnerNotFound: there is none.
    """
    found = find(connection, owner)
    if found is None:
        raise OwnerNotFound(owner)
    return found


def page(
    connection: Connection,
    *,
    search: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[Owner]:
    """A page of owners in the order of their mail addresses, after that of owner `after`.

    With `search`: owners whose mail address or name holds it, in any case (of ASCII letters).

    Raises:
        InvalidField: the search is no text on one line.
        OwnerNotFound: the owner `after` does not exist.
    """
    rows = select(table).order_by(table.c.email_folded).limit(limit)
    if search is not None:
        text = fields.line("search", search, empty=False)
        rows = rows.where(
            or_(
                table.c.email_folded.contains(text.casefold(), autoescape=True),
                func.lower(table.c.name).contains(text.lower(), autoescape=True),
            )
        )
    if after is not None:
        rows = rows.where(table.c.email_folded > get(connection, after).email.casefold())
    return [_owner(row) for row in connection.execute(rows)]


def _owner(row: Row[Any]) -> Owner:
    return Owner(row.id, row.email, row.name, row.created_at)
