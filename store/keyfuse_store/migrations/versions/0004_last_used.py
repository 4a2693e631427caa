"""When a key was last used stands with the statistics: the keys are not written to any more."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_HOUR = 3_600_000_000


def upgrade() -> None:
    op.add_column("kf_usage_hours", sa.Column("last_used_at", sa.BigInteger))
    op.execute(
        f"""
        INSERT INTO kf_usage_hours (hour, key_id, valid, refused, spent, last_used_at)
        SELECT last_used_at - last_used_at % {_HOUR}, id, 0, 0, 0, last_used_at
          FROM kf_keys WHERE last_used_at IS NOT NULL
        ON CONFLICT (hour, key_id) DO UPDATE SET last_used_at = excluded.last_used_at
        """  # noqa: S608 - a constant of ours
    )
    op.drop_column("kf_keys", "last_used_at")


def downgrade() -> None:
    op.add_column("kf_keys", sa.Column("last_used_at", sa.BigInteger))
    op.execute(
        """
        UPDATE kf_keys SET last_used_at = (
            SELECT max(last_used_at) FROM kf_usage_hours WHERE key_id = kf_keys.id)
        """
    )
    op.drop_column("kf_usage_hours", "last_used_at")
