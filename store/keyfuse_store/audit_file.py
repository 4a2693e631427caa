"""The audit record as a file: one JSON object a line, checked without any database.

A line is exactly what its MAC covers (`chain.COLUMNS`, `detail` as the JSON text it was written
as), and the MAC in hexadecimal.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row

from keyfuse_store import audit
from keyfuse_store.chain import COLUMNS, Head
from keyfuse_store.errors import InvalidField


def export(connection: Connection) -> Iterator[tuple[str, Head]]:
    """Every entry as a line without its line break, and the head that the record has there."""
    for row in audit.rows(connection):
        yield line(row), Head(row.seq, row.mac)


def line(row: Row[Any]) -> str:
    """One row of the record as a line without its line break."""
    return json.dumps(row._asdict() | {"mac": row.mac.hex()}, separators=(",", ":"))


def read(lines: Iterable[str]) -> Iterator[Mapping[str, object]]:
    """The entries of an exported file, as `chain.check` wants them.

    Raises:
        InvalidField: a line is no entry; its number is named.
    """
    for number, line in enumerate(lines, 1):
        try:
            yield _entry(line)
        except (ValueError, RecursionError):
            raise InvalidField("file", f"line {number} is no audit entry") from None


def _entry(line: str) -> Mapping[str, object]:
    entry = json.loads(line)
    if not isinstance(entry, dict) or set(entry) != {*COLUMNS, "mac"}:
        raise ValueError
    for name in ("seq", "at", "pepper_version"):
        if type(entry[name]) is not int:
            raise ValueError
    return entry | {"mac": bytes.fromhex(entry["mac"] if isinstance(entry["mac"], str) else "-")}
