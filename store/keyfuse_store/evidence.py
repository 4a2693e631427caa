"""The evidence for a leak: who says where and when it was seen, each piece kept once."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, func, insert, select

from keyfuse_rules.redact import scrub
from keyfuse_store import fields
from keyfuse_store.leak_schema import leak_evidence
from keyfuse_store.times import rfc3339

Trust = Literal["signed", "scan", "possession"]

URL_MAX = 2000
SOURCE_MAX = 120
PATH_MAX = 1000
COMMIT_MAX = 64
LINE_MAX = 2**31 - 1
# Anyone who holds a leaked key may report it for ever, under ever new URLs.
EVIDENCE_MAX = 100


@dataclass(frozen=True, slots=True)
class Evidence:
    """One report of one leaked key.

    Attributes:
        origin: Who reports: `github`, `report`, `scan`.
        trust: `signed` by the origin, found by a `scan` of ours, or mere `possession` of the key.
        source: What kind of place, in the reporter's words.
        url: Where, in the reporter's words; unverified unless trust says otherwise.
        claimed_us: When it is said to have leaked, in epoch microseconds: the author date of a
            commit is whatever its author wrote.
        commit: In which commit.
        path: In which file of it.
        line: In which line of that, from 1.
    """

    origin: str
    trust: Trust
    source: str | None = None
    url: str | None = None
    claimed_us: int | None = None
    commit: str | None = None
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """Evidence as the database keeps it."""

    evidence: Evidence
    receipt_id: str
    seen_us: int

    def as_json(self) -> dict[str, object]:
        """The evidence as programs see it; `url`, `source` and `path` are the reporter's words."""
        evidence = self.evidence
        return {
            "from": evidence.origin,
            "trust": evidence.trust,
            "source": evidence.source,
            "url": evidence.url,
            "commit": evidence.commit,
            "path": evidence.path,
            "line": evidence.line,
            "claimed": rfc3339(evidence.claimed_us),
            "seen": rfc3339(self.seen_us),
            "receipt": self.receipt_id,
        }


def keep(
    connection: Connection,
    leak_id: str,
    evidence: Evidence,
    receipt_id: str,
    at: int,
    *,
    first: bool = False,
) -> bool:
    """Add a piece of evidence; False where it is known, or where there is too much already.

    With `first` it is that of a new incident, and no other is asked for.
    """
    row = _row(evidence)
    digest = _digest(row)
    if not first and not _is_wanted(connection, leak_id, digest, evidence.trust):
        return False
    about = {"leak_id": leak_id, "digest": digest, "receipt_id": receipt_id, "seen_at": at}
    connection.execute(insert(leak_evidence).values({**row, **about}))
    return True


def _is_wanted(connection: Connection, leak_id: str, digest: bytes, trust: Trust) -> bool:
    of_leak = leak_evidence.c.leak_id == leak_id
    same = select(leak_evidence.c.digest).where(of_leak, leak_evidence.c.digest == digest)
    if connection.execute(same).first() is not None:
        return False
    alike = select(func.count()).where(of_leak, leak_evidence.c.trust == trust)
    return (connection.scalar(alike) or 0) < EVIDENCE_MAX


def evidence_of(connection: Connection, leak_id: str) -> list[KeptEvidence]:
    """All evidence of an incident, oldest first."""
    rows = (
        select(leak_evidence)
        .where(leak_evidence.c.leak_id == leak_id)
        .order_by(leak_evidence.c.seen_at, leak_evidence.c.digest)
    )
    return [
        KeptEvidence(
            Evidence(
                row.origin,
                row.trust,
                row.source,
                row.url,
                row.claimed_at,
                row.commit_id,
                row.path,
                row.line,
            ),
            row.receipt_id,
            row.seen_at,
        )
        for row in connection.execute(rows)
    ]


def shown_source(evidence: Evidence) -> str | None:
    """The kind of place, fit to be kept."""
    return _cut(evidence.source, SOURCE_MAX)


def _row(evidence: Evidence) -> dict[str, object]:
    line = evidence.line
    return {
        "origin": evidence.origin,
        "source": shown_source(evidence),
        "url": _cut(evidence.url, URL_MAX),
        "trust": evidence.trust,
        "claimed_at": evidence.claimed_us,
        "commit_id": _cut(evidence.commit, COMMIT_MAX),
        "path": _cut(evidence.path, PATH_MAX),
        "line": line if line is not None and 0 < line <= LINE_MAX else None,
    }


def _digest(row: dict[str, object]) -> bytes:
    """What makes a report the same as another. Times do not: the same place is seen again."""
    place = [row["commit_id"], row["path"], row["line"]]
    of = [row["origin"], row["source"], row["url"], *(place if any(place) else ())]
    return hashlib.sha256(fields.as_json("evidence", {"of": of}).encode()).digest()


def _cut(text: str | None, longest: int) -> str | None:
    return None if text is None else scrub(text)[:longest]
