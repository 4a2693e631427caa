"""Owners: whom keys belong to, and who is told when one leaks."""

from typing import Any

from sqlalchemy import Connection, Row, func, select
from starlette.responses import Response

from keyfuse_rules.redact import scrub
from keyfuse_store.errors import InvalidField
from keyfuse_store.schema import keys as keys_table
from keyfuse_store.schema import owners as table
from keyfuse_webhook.console.visit import Visit, go_to

_PAGE = 50


def owner_list(visit: Visit) -> Response:
    """Search and page; how many keys each has."""
    return _list(visit)


def add_owner(visit: Visit) -> Response:
    """Add one."""
    try:
        visit.store.add_owner(
            visit.form.get("email", ""),
            name=visit.form.get("name", ""),
            actor=visit.who,
            origin=visit.address,
        )
    except InvalidField as error:
        return _list(visit, error.problem)
    return go_to("/console/owners")


def _list(visit: Visit, problem: str = "") -> Response:
    query = scrub(visit.query.get("q", ""))[:254]
    with visit.store.read() as connection:
        rows = _found(connection, query, visit.query.get("after", ""))
    return visit.page(
        "owners.html",
        400 if problem else 200,
        rows=rows[:_PAGE],
        query=query,
        next_page=rows[_PAGE - 1].email_folded if len(rows) > _PAGE else None,
        problem=problem,
    )


def _found(connection: Connection, text: str, after: str) -> list[Row[Any]]:
    """One more than fits on a page, in the order of their mail addresses."""
    number = select(func.count()).where(keys_table.c.owner_id == table.c.id).scalar_subquery()
    rows = select(table, number.label("keys")).order_by(table.c.email_folded).limit(_PAGE + 1)
    if text:
        named = func.lower(table.c.name).contains(text.lower(), autoescape=True)
        rows = rows.where(named | table.c.email_folded.contains(text.casefold(), autoescape=True))
    if after:
        rows = rows.where(table.c.email_folded > after)
    return list(connection.execute(rows))
