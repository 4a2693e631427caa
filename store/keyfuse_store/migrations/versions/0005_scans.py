"""Scans of many repositories, each in parts that workers take on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kf_scans",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("installation", sa.String(20), nullable=False),
        sa.Column("kills", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("source IN ('github', 'paths')", name="source"),
        sa.PrimaryKeyConstraint("id", name="kf_scans_pkey"),
    )
    op.create_index("kf_scans_created_at", "kf_scans", ["created_at"])
    op.create_table(
        "kf_scan_parts",
        sa.Column("scan_id", sa.String(21), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("shards", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("private", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("findings", sa.Integer, nullable=False),
        sa.Column("result", sa.Text),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state"),
        sa.ForeignKeyConstraint(["scan_id"], ["kf_scans.id"], name="kf_scan_parts_scan_id_fkey"),
        sa.PrimaryKeyConstraint("scan_id", "number", "shard", name="kf_scan_parts_pkey"),
    )


def downgrade() -> None:
    op.drop_table("kf_scan_parts")
    op.drop_table("kf_scans")
