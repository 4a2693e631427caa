"""The tables of leaks: what was reported, what it rests on, and how far the response has come.

They refer to those of `schema` and stand in the same `metadata`; see there for what holds for all.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from keyfuse_store.schema import metadata

# One incident per key, however many reports name it.
leaks = Table(
    "kf_leaks",
    metadata,
    Column("id", String(21), primary_key=True),
    Column("key_id", ForeignKey("kf_keys.id"), nullable=False, unique=True),
    Column("owner_id", ForeignKey("kf_owners.id"), nullable=False),
    Column("receipt_id", String(40), nullable=False, index=True),
    Column("action", String(12), nullable=False),
    Column("state", String(16), nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Index(None, "first_seen_at", "id"),
    Index(None, "owner_id", "first_seen_at", "id"),
    Index(None, "state", "first_seen_at", "id"),
    CheckConstraint("action IN ('notify', 'quarantine', 'revoke')", name="action"),
    CheckConstraint("state IN ('open', 'notified', 'undeliverable', 'resolved')", name="state"),
)

leak_evidence = Table(
    "kf_leak_evidence",
    metadata,
    Column("leak_id", ForeignKey("kf_leaks.id"), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("origin", String(40), nullable=False),
    Column("source", String(120)),
    Column("url", Text),
    Column("trust", String(12), nullable=False),
    Column("receipt_id", String(40), nullable=False, index=True),
    Column("claimed_at", BigInteger),
    Column("seen_at", BigInteger, nullable=False),
    Column("commit_id", String(64)),
    Column("path", Text),
    Column("line", Integer),
    CheckConstraint("trust IN ('signed', 'scan', 'possession')", name="trust"),
)

# How far the response has come: one row for each thing that was done, or could not be.
leak_steps = Table(
    "kf_leak_steps",
    metadata,
    Column("leak_id", ForeignKey("kf_leaks.id"), primary_key=True),
    Column("step", String(40), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("done_at", BigInteger, nullable=False),
)

# One row per delivery that named a leaked key: open while its batches are being committed.
receipts = Table(
    "kf_receipts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("origin", String(40), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
)
