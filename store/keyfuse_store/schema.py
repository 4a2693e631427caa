"""The tables. Times are epoch microseconds (UTC), JSON is text, every name starts with `kf_`.

The prefix matters: the job library keeps its own tables in the same SQLite file.
A change here needs a migration in `migrations/versions`; a test compares the two. The tables of
leaks are in `leak_schema`, those of statistics in `usage_schema`.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
metadata = MetaData(naming_convention=NAMES)

owners = Table(
    "kf_owners",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("email_folded", String(254), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

_LEGACY = text("legacy IS NOT NULL")

# WITHOUT ROWID: verification finds the whole row in one B-tree descent.
keys = Table(
    "kf_keys",
    metadata,
    Column("id", String(10), primary_key=True),
    Column("prefix", String(40), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("pepper_version", Integer, nullable=False),
    Column("owner_id", ForeignKey("kf_owners.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("meta", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("addresses", Text, nullable=False),
    # SQLite keeps to no length, and could not change it where the column stands.
    Column("rate_limit", String(200).with_variant(String(40), "sqlite")),
    Column("quota", String(40)),
    Column("state", String(12), nullable=False),
    Column("quarantine_scopes", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("not_before", BigInteger),
    Column("expires_at", BigInteger),
    Column("overlap_until", BigInteger),
    Column("predecessor_id", String(10)),
    Column("successor_id", String(10)),
    Column("revoked_at", BigInteger),
    Column("revoke_reason", Text),
    Column("revoke_evidence", Text),
    # The hash of a key from before keyfuse: its digest is the pepper over that, and finds it.
    Column("legacy", String(12)),
    Column("expiry_warned_at", BigInteger),
    CheckConstraint("state IN ('active', 'suspended', 'quarantined', 'revoked')", name="state"),
    CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_at"),
    # The orders in which people look at keys (`listing`), and those of a list with a filter.
    Index(None, "created_at", "id"),
    Index(None, "owner_id", "created_at", "id"),
    Index(None, "prefix", "created_at", "id"),
    Index(None, "prefix", "state", "created_at", "id"),
    Index(None, "state", "created_at", "id"),
    Index(None, "name", "id"),
    Index(None, "expires_at", "id"),
    Index(
        "kf_keys_legacy_digest",
        "pepper_version",
        "digest",
        unique=True,
        sqlite_where=_LEGACY,
        postgresql_where=_LEGACY,
    ),
    sqlite_with_rowid=False,
)

audit = Table(
    "kf_audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("origin", String(120)),
    Column("action", String(40), nullable=False),
    Column("subject", String(120), nullable=False),
    Column("detail", Text, nullable=False),
    Column("pepper_version", Integer, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
    Index(None, "subject", "seq"),
    # A million entries are read from their end, and few of them are about what is looked for.
    Index(None, "action", "seq"),
    Index(None, "actor", "seq"),
    Index(None, "at", "seq"),
    sqlite_with_rowid=False,
)

# One row: the last link of the chain. Whoever appends locks it first.
audit_head = Table(
    "kf_audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)

peppers = Table(
    "kf_peppers",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("check_value", LargeBinary(32), nullable=False),
    Column("registered_at", BigInteger, nullable=False),
)

# How much of its rate limits each key has used up, where `limits` is "database".
rates = Table(
    "kf_rates",
    metadata,
    Column("key_id", String(10), primary_key=True),
    Column("limits", String(200), nullable=False),
    Column("arrivals", Text, nullable=False),
    sqlite_with_rowid=False,
)

# How much of its quota each key has used up, leases included, in the period from `start`.
quotas = Table(
    "kf_quotas",
    metadata,
    Column("key_id", String(10), primary_key=True),
    Column("unit", String(6), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# A scan of many repositories. Its parts are a repository each, or a shard of a large one.
scans = Table(
    "kf_scans",
    metadata,
    Column("id", String(21), primary_key=True),
    Column("source", String(10), nullable=False),
    Column("title", Text, nullable=False),
    Column("installation", String(20), nullable=False),
    Column("kills", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    CheckConstraint("source IN ('github', 'paths')", name="source"),
)

scan_parts = Table(
    "kf_scan_parts",
    metadata,
    Column("scan_id", ForeignKey("kf_scans.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("shards", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("private", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text),
    Column("findings", Integer, nullable=False),
    # What was found and what was not scanned, as JSON without a secret in it.
    Column("result", Text),
    CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state"),
)

# Of what opens the console and what keeps it open only hashes are kept. Both stand and fall with
# the management key they came from; with an owner they show no more than what is that owner's.
console_links = Table(
    "kf_console_links",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("key_id", ForeignKey("kf_keys.id"), nullable=False),
    Column("owner_id", ForeignKey("kf_owners.id")),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

console_sessions = Table(
    "kf_console_sessions",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("key_id", ForeignKey("kf_keys.id"), nullable=False),
    Column("owner_id", ForeignKey("kf_owners.id")),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

# Requests that must not be carried out twice, for a day.
once = Table(
    "kf_once",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("request", LargeBinary(32), nullable=False),
    Column("key_id", String(10), nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

__all__ = [
    "audit",
    "audit_head",
    "console_links",
    "console_sessions",
    "keys",
    "metadata",
    "once",
    "owners",
    "peppers",
    "quotas",
    "rates",
    "scan_parts",
    "scans",
]
