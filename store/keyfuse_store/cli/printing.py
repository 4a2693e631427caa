"""What commands print: JSON for programs, or fields, tables and pages for people."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import click

from keyfuse_store.management import Shown

Entry = TypeVar("Entry", bound=Shown)


def print_json(value: Mapping[str, object]) -> None:
    """One JSON object."""
    click.echo(json.dumps(value, ensure_ascii=True))


def print_fields(value: Mapping[str, object]) -> None:
    """One `name  value` line for each field that has a value."""
    shown = {name: _cell(cell) for name, cell in value.items() if cell not in (None, (), {}, "")}
    width = max(map(len, shown), default=0)
    for name, cell in shown.items():
        click.echo(f"{name:<{width}}  {cell}")


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell."""
    cells = [header, *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def print_page(
    name: str,
    found: Sequence[Entry],
    header: Sequence[str],
    row: Callable[[Entry], Sequence[object]],
    *,
    limit: int,
    as_json: bool,
    mark: str = "id",
) -> None:
    """A page of a list, and where to go on if it is full.

    Args:
        name: What the list is called in JSON.
        found: The page.
        header: The titles of the table.
        row: What it shows of an entry.
        limit: How many entries a full page has.
        as_json: For programs, not for people.
        mark: The field of an entry that `--after` takes.
    """
    following = found[-1].as_json()[mark] if len(found) == limit else None
    if as_json:
        print_json({name: [one.as_json() for one in found], "next": following})
        return
    print_table(header, [row(one) for one in found])
    if following is not None:
        click.echo(f"there may be more: --after {printable(str(following))}", err=True)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return printable(" ".join(map(str, value))) or "-"
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=True)
    return printable(str(value))


def printable(text: str) -> str:
    """Text that does nothing to a terminal; what a server says may hold anything."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
