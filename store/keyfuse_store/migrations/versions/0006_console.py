"""What the console needs: its sessions and one-time links, verdicts per hour, look-ups of audit."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPENINGS = {"kf_console_links": (), "kf_console_sessions": ("seen_at",)}


def upgrade() -> None:
    op.create_table(
        "kf_code_hours",
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hour", "code", name="kf_code_hours_pkey"),
        sqlite_with_rowid=False,
    )
    for name, more in _OPENINGS.items():
        op.create_table(
            name,
            sa.Column("digest", sa.LargeBinary(32), nullable=False),
            sa.Column("key_id", sa.String(10), nullable=False),
            sa.Column("owner_id", sa.String(20)),
            *(sa.Column(column, sa.BigInteger, nullable=False) for column in more),
            sa.Column("expires_at", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("digest", name=f"{name}_pkey"),
            sa.ForeignKeyConstraint(["key_id"], ["kf_keys.id"], name=f"{name}_key_id_fkey"),
            sa.ForeignKeyConstraint(["owner_id"], ["kf_owners.id"], name=f"{name}_owner_id_fkey"),
        )
        op.create_index(f"{name}_expires_at", name, ["expires_at"])
    op.create_index("kf_audit_action_seq", "kf_audit", ["action", "seq"])
    op.create_index("kf_audit_actor_seq", "kf_audit", ["actor", "seq"])


def downgrade() -> None:
    op.drop_index("kf_audit_actor_seq", "kf_audit")
    op.drop_index("kf_audit_action_seq", "kf_audit")
    for name in (*_OPENINGS, "kf_code_hours"):
        op.drop_table(name)
