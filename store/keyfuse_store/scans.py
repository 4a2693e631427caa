"""Scans of many repositories: what is to be scanned, in which parts, and what each part gave.

Results hold no secret; they are kept for a while, for the report, and forgotten.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from keyfuse_store.schema import scan_parts, scans
from keyfuse_store.times import DAY

Source = Literal["github", "paths"]
PartState = Literal["waiting", "done", "failed"]

KEPT = 30 * DAY
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of many repositories.

    Attributes:
        source: Where they are: on GitHub, or at paths of this machine.
        title: Whose they are, or the list that names them.
        installation: Of the GitHub App that reads them; empty without one.
        kills: Keys of ours that are found are dealt with as leaked.
    """

    id: str
    source: Source
    title: str
    installation: str
    kills: bool
    created_us: int


class Subject(NamedTuple):
    """A repository to scan: `owner/name`, or a path; and whether only members can read it."""

    name: str
    private: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What one job scans: a repository, or a shard of it.

    Attributes:
        number: Of the repository in its scan.
        shard: Which of `shards`, from 0.
        reason: Why it failed.
        result: What it gave, as JSON.
    """

    scan_id: str
    number: int
    shard: int
    shards: int
    subject: str
    private: bool
    state: PartState
    reason: str | None
    result: str | None


class Progress(NamedTuple):
    """How far a scan is: parts by state, and how much was found so far."""

    waiting: int
    done: int
    failed: int
    findings: int


def create(
    connection: Connection,
    subjects: Iterable[Subject],
    *,
    source: Source,
    title: str,
    installation: str = "",
    kills: bool = True,
    at: int,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> Scan:
    """Write down what is to be scanned; each repository is one part at first."""
    scan = Scan(f"scan_{token_bytes(8).hex()}", source, title, installation, kills, at)
    row = {
        "id": scan.id,
        "source": source,
        "title": title,
        "installation": installation,
        "kills": int(kills),
        "created_at": at,
    }
    connection.execute(insert(scans).values(row))
    rows = [_row(scan.id, number, 0, 1, subject) for number, subject in enumerate(subjects)]
    for begin in range(0, len(rows), _BATCH):
        connection.execute(insert(scan_parts), rows[begin : begin + _BATCH])
    return scan


def get(connection: Connection, scan_id: str) -> Scan | None:
    """The scan with this id."""
    row = connection.execute(select(scans).where(scans.c.id == scan_id)).one_or_none()
    if row is None:
        return None
    return Scan(row.id, row.source, row.title, row.installation, bool(row.kills), row.created_at)


def part(connection: Connection, scan_id: str, number: int, shard: int) -> Part | None:
    """One part of a scan."""
    row = connection.execute(select(scan_parts).where(_is(scan_id, number, shard))).one_or_none()
    return None if row is None else _part(row)


def parts(connection: Connection, scan_id: str) -> Iterator[Part]:
    """All parts of a scan, repository by repository, read a few at a time."""
    after = (-1, -1)
    columns = scan_parts.c
    while True:
        later = (columns.number > after[0]) | (
            (columns.number == after[0]) & (columns.shard > after[1])
        )
        found = connection.execute(
            select(scan_parts)
            .where(columns.scan_id == scan_id, later)
            .order_by(columns.number, columns.shard)
            .limit(_BATCH)
        ).all()
        yield from map(_part, found)
        if len(found) < _BATCH:
            return
        after = (found[-1].number, found[-1].shard)


def split(connection: Connection, whole: Part, shards: int) -> Sequence[Part]:
    """Make a repository that waits several parts; gives those that are new.

    Where another attempt has done so before, nothing changes and nothing is new.
    """
    where = _is(whole.scan_id, whole.number, whole.shard)
    unsplit = update(scan_parts).where(where, scan_parts.c.shards == 1)
    if not connection.execute(unsplit.values(shards=shards)).rowcount:
        return []
    subject = Subject(whole.subject, whole.private)
    rows = [_row(whole.scan_id, whole.number, shard, shards, subject) for shard in range(1, shards)]
    connection.execute(insert(scan_parts), rows)
    return [Part(**row | {"private": whole.private}) for row in _without_count(rows)]


def end(
    connection: Connection,
    of: Part,
    *,
    reason: str | None = None,
    result: str | None = None,
    findings: int = 0,
) -> None:
    """Write down what a part gave, or why it gave nothing."""
    values = {
        "state": "failed" if result is None else "done",
        "reason": reason,
        "result": result,
        "findings": findings,
    }
    where = _is(of.scan_id, of.number, of.shard)
    connection.execute(update(scan_parts).where(where).values(values))


def progress(connection: Connection, scan_id: str) -> Progress:
    """How far a scan is."""
    columns = scan_parts.c
    rows = connection.execute(
        select(columns.state, func.count(), func.sum(columns.findings))
        .where(columns.scan_id == scan_id)
        .group_by(columns.state)
    ).all()
    counts: Mapping[str, int] = {row[0]: row[1] for row in rows}
    return Progress(
        counts.get("waiting", 0),
        counts.get("done", 0),
        counts.get("failed", 0),
        sum(int(row[2]) for row in rows),
    )


def forget(connection: Connection, at: int) -> int:
    """Delete the scans that were begun too long ago; gives their number."""
    old = scans.c.created_at < at - KEPT
    ids = select(scans.c.id).where(old)
    connection.execute(delete(scan_parts).where(scan_parts.c.scan_id.in_(ids)))
    return connection.execute(delete(scans).where(old)).rowcount


def _is(scan_id: str, number: int, shard: int) -> Any:
    columns = scan_parts.c
    return (columns.scan_id == scan_id) & (columns.number == number) & (columns.shard == shard)


def _row(scan_id: str, number: int, shard: int, shards: int, subject: Subject) -> dict[str, Any]:
    return {
        "scan_id": scan_id,
        "number": number,
        "shard": shard,
        "shards": shards,
        "subject": subject.name,
        "private": int(subject.private),
        "state": "waiting",
        "reason": None,
        "findings": 0,
        "result": None,
    }


def _without_count(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {name: value for name, value in row.items() if name != "findings"}


def _part(row: Row[Any]) -> Part:
    return Part(
        row.scan_id,
        row.number,
        row.shard,
        row.shards,
        row.subject,
        bool(row.private),
        row.state,
        row.reason,
        row.result,
    )
