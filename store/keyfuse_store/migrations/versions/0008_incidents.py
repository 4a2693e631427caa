"""Incidents: where exactly a key was seen, and the steps of the response."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("kf_leak_evidence", sa.Column("commit_id", sa.String(64)))
    op.add_column("kf_leak_evidence", sa.Column("path", sa.Text))
    op.add_column("kf_leak_evidence", sa.Column("line", sa.Integer))
    op.create_table(
        "kf_leak_steps",
        sa.Column("leak_id", sa.String(21), nullable=False),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("done_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["leak_id"], ["kf_leaks.id"], name="kf_leak_steps_leak_id_fkey"),
        sa.PrimaryKeyConstraint("leak_id", "step", name="kf_leak_steps_pkey"),
    )


def downgrade() -> None:
    op.drop_table("kf_leak_steps")
    for name in ("line", "path", "commit_id"):
        op.drop_column("kf_leak_evidence", name)
