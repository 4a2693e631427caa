"""Keys from before keyfuse, and the warning before a key expires."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LEGACY = sa.text("legacy IS NOT NULL")


def upgrade() -> None:
    op.add_column("kf_keys", sa.Column("legacy", sa.String(12)))
    op.add_column("kf_keys", sa.Column("expiry_warned_at", sa.BigInteger))
    op.create_index(
        "kf_keys_legacy_digest",
        "kf_keys",
        ["pepper_version", "digest"],
        unique=True,
        sqlite_where=_LEGACY,
        postgresql_where=_LEGACY,
    )


def downgrade() -> None:
    op.drop_index("kf_keys_legacy_digest", "kf_keys")
    op.drop_column("kf_keys", "expiry_warned_at")
    op.drop_column("kf_keys", "legacy")
