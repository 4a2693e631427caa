"""Counters of limits and quotas, statistics per key and hour, usage events."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBERED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _resize_rate_limit(40, 200)
    op.create_index("kf_owners_id_email", "kf_owners", ["id", "email"])
    op.create_table(
        "kf_rates",
        sa.Column("key_id", sa.String(10), nullable=False),
        sa.Column("limits", sa.String(200), nullable=False),
        sa.Column("arrivals", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="kf_rates_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kf_quotas",
        sa.Column("key_id", sa.String(10), nullable=False),
        sa.Column("unit", sa.String(6), nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="kf_quotas_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kf_usage_hours",
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String(10), nullable=False),
        sa.Column("valid", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hour", "key_id", name="kf_usage_hours_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("kf_usage_hours_key_id_hour", "kf_usage_hours", ["key_id", "hour"])
    op.create_table(
        "kf_usage_events",
        sa.Column("id", _NUMBERED, nullable=False, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String(10)),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("cost", sa.Integer, nullable=False),
        sa.Column("address", sa.String(45)),
        sa.Column("agent", sa.String(200)),
        sa.PrimaryKeyConstraint("id", name="kf_usage_events_pkey"),
    )
    op.create_index("kf_usage_events_key_id_id", "kf_usage_events", ["key_id", "id"])
    op.create_index("kf_usage_events_at", "kf_usage_events", ["at"])


def downgrade() -> None:
    for table in ("kf_usage_events", "kf_usage_hours", "kf_quotas", "kf_rates"):
        op.drop_table(table)
    op.drop_index("kf_owners_id_email", "kf_owners")
    _resize_rate_limit(200, 40)


def _resize_rate_limit(before: int, after: int) -> None:
    """SQLite keeps to no length and cannot change a column where it stands.

    On the way down PostgreSQL refuses to cut a rate limit that is longer than it used to be.
    """
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column(
            "kf_keys",
            "rate_limit",
            existing_type=sa.String(before),
            type_=sa.String(after),
        )
