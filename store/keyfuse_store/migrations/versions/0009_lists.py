"""Lists by any filter out of an index, and requests that must not be carried out twice."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INDEXES = (
    ("kf_keys", "owner_id", "created_at", "id"),
    ("kf_keys", "prefix", "created_at", "id"),
    ("kf_keys", "prefix", "state", "created_at", "id"),
    ("kf_audit", "subject", "seq"),
    ("kf_audit", "at", "seq"),
    ("kf_leaks", "first_seen_at", "id"),
    ("kf_leaks", "owner_id", "first_seen_at", "id"),
    ("kf_leaks", "state", "first_seen_at", "id"),
)
# Each is the beginning of one above.
_REPLACED = (
    ("kf_keys", "owner_id"),
    ("kf_audit", "subject"),
    ("kf_leaks", "first_seen_at"),
    ("kf_leaks", "owner_id"),
)


def upgrade() -> None:
    op.create_table(
        "kf_once",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("request", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.String(10), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="kf_once_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("kf_once_at", "kf_once", ["at"])
    _replace(_REPLACED, _INDEXES)


def downgrade() -> None:
    _replace(_INDEXES, _REPLACED)
    op.drop_table("kf_once")


def _replace(old: tuple[tuple[str, ...], ...], new: tuple[tuple[str, ...], ...]) -> None:
    for table, *columns in old:
        op.drop_index("_".join([table, *columns]), table)
    for table, *columns in new:
        op.create_index("_".join([table, *columns]), table, columns)
