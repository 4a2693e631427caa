"""The tables of statistics: what is counted, while everything else is decided.

On SQLite they stand in a file of their own (`usage_file`), on PostgreSQL beside the others: writing
a row of a SQLite file takes every page that readers keep of it from them, and these are written
every second. Nothing here may be needed to answer for a key.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from keyfuse_store.schema import NAMES

usage_metadata = MetaData(naming_convention=NAMES)

# Statistics have no foreign key: keys are never deleted, and each check would cost a look-up.
usage_hours = Table(
    "kf_usage_hours",
    usage_metadata,
    Column("hour", BigInteger, primary_key=True),
    Column("key_id", String(10), primary_key=True),
    Column("valid", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    # The last valid call.
    Column("last_used_at", BigInteger),
    Index(None, "key_id", "hour"),
    sqlite_with_rowid=False,
)

# All verifications together, by verdict: what the console draws must not add up every key's row.
code_hours = Table(
    "kf_code_hours",
    usage_metadata,
    Column("hour", BigInteger, primary_key=True),
    Column("code", String(20), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

usage_events = Table(
    "kf_usage_events",
    usage_metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("key_id", String(10)),
    Column("code", String(20), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("cost", Integer, nullable=False),
    Column("address", String(45)),
    Column("agent", String(200)),
    Index(None, "key_id", "id"),
)

__all__ = ["code_hours", "usage_events", "usage_hours", "usage_metadata"]
