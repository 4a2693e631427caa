"""Statistics move into a file of their own, where the database is a file."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Connections have both files: `main` is the database, `usage` what lies beside it.
_COLUMNS = {
    "kf_usage_hours": "hour, key_id, valid, refused, spent, last_used_at",
    "kf_code_hours": "hour, code, calls",
    "kf_usage_events": "id, at, key_id, code, scopes, cost, address, agent",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, columns in _COLUMNS.items():
        _copy(table, columns, "main", "usage")
        op.execute(f"DROP TABLE main.{table}")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    _make_tables()
    for table, columns in _COLUMNS.items():
        _copy(table, columns, "usage", "main")
        op.execute(f"DELETE FROM usage.{table}")  # noqa: S608 - constants of ours


def _copy(table: str, columns: str, origin: str, target: str) -> None:
    op.execute(
        f"INSERT OR REPLACE INTO {target}.{table} ({columns}) "  # noqa: S608 - constants of ours
        f"SELECT {columns} FROM {origin}.{table}"
    )


def _make_tables() -> None:
    op.create_table(
        "kf_usage_hours",
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String(10), nullable=False),
        sa.Column("valid", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("hour", "key_id", name="kf_usage_hours_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kf_code_hours",
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hour", "code", name="kf_code_hours_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kf_usage_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String(10)),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("cost", sa.Integer, nullable=False),
        sa.Column("address", sa.String(45)),
        sa.Column("agent", sa.String(200)),
        sa.PrimaryKeyConstraint("id", name="kf_usage_events_pkey"),
    )
    op.create_index("kf_usage_hours_key_id_hour", "kf_usage_hours", ["key_id", "hour"])
    op.create_index("kf_usage_events_key_id_id", "kf_usage_events", ["key_id", "id"])
    op.create_index("kf_usage_events_at", "kf_usage_events", ["at"])
