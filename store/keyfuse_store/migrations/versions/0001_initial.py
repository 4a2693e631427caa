"""Owners, keys, audit chain, peppers, leaks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kf_owners",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_folded", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="kf_owners_pkey"),
        sa.UniqueConstraint("email_folded", name="kf_owners_email_folded_key"),
    )
    op.create_table(
        "kf_keys",
        sa.Column("id", sa.String(10), nullable=False),
        sa.Column("prefix", sa.String(40), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("pepper_version", sa.Integer, nullable=False),
        sa.Column("owner_id", sa.String(20), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("meta", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("addresses", sa.Text, nullable=False),
        sa.Column("rate_limit", sa.String(40)),
        sa.Column("quota", sa.String(40)),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("quarantine_scopes", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("not_before", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("overlap_until", sa.BigInteger),
        sa.Column("predecessor_id", sa.String(10)),
        sa.Column("successor_id", sa.String(10)),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("revoke_reason", sa.Text),
        sa.Column("revoke_evidence", sa.Text),
        sa.Column("last_used_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="kf_keys_pkey"),
        sa.ForeignKeyConstraint(["owner_id"], ["kf_owners.id"], name="kf_keys_owner_id_fkey"),
        sa.CheckConstraint(
            "state IN ('active', 'suspended', 'quarantined', 'revoked')",
            name=op.f("kf_keys_state_check"),
        ),
        sa.CheckConstraint(
            "(state = 'revoked') = (revoked_at IS NOT NULL)",
            name=op.f("kf_keys_revoked_at_check"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("kf_keys_created_at_id", "kf_keys", ["created_at", "id"])
    op.create_index("kf_keys_owner_id", "kf_keys", ["owner_id"])
    op.create_table(
        "kf_audit",
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("origin", sa.String(120)),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("pepper_version", sa.Integer, nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="kf_audit_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("kf_audit_subject", "kf_audit", ["subject"])
    head = op.create_table(
        "kf_audit_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="kf_audit_head_pkey"),
        sa.CheckConstraint("id = 1", name=op.f("kf_audit_head_single_row_check")),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "mac": bytes(32)}])
    op.create_table(
        "kf_peppers",
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("check_value", sa.LargeBinary(32), nullable=False),
        sa.Column("registered_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("version", name="kf_peppers_pkey"),
    )
    _create_leak_tables()


def _create_leak_tables() -> None:
    op.create_table(
        "kf_leaks",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("key_id", sa.String(10), nullable=False),
        sa.Column("owner_id", sa.String(20), nullable=False),
        sa.Column("receipt_id", sa.String(40), nullable=False),
        sa.Column("action", sa.String(12), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="kf_leaks_pkey"),
        sa.ForeignKeyConstraint(["key_id"], ["kf_keys.id"], name="kf_leaks_key_id_fkey"),
        sa.ForeignKeyConstraint(["owner_id"], ["kf_owners.id"], name="kf_leaks_owner_id_fkey"),
        sa.UniqueConstraint("key_id", name="kf_leaks_key_id_key"),
        sa.CheckConstraint(
            "action IN ('notify', 'quarantine', 'revoke')", name=op.f("kf_leaks_action_check")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'notified', 'undeliverable', 'resolved')",
            name=op.f("kf_leaks_state_check"),
        ),
    )
    op.create_index("kf_leaks_owner_id", "kf_leaks", ["owner_id"])
    op.create_index("kf_leaks_receipt_id", "kf_leaks", ["receipt_id"])
    op.create_index("kf_leaks_first_seen_at", "kf_leaks", ["first_seen_at"])
    op.create_table(
        "kf_leak_evidence",
        sa.Column("leak_id", sa.String(21), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("origin", sa.String(40), nullable=False),
        sa.Column("source", sa.String(120)),
        sa.Column("url", sa.Text),
        sa.Column("trust", sa.String(12), nullable=False),
        sa.Column("receipt_id", sa.String(40), nullable=False),
        sa.Column("claimed_at", sa.BigInteger),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("leak_id", "digest", name="kf_leak_evidence_pkey"),
        sa.ForeignKeyConstraint(["leak_id"], ["kf_leaks.id"], name="kf_leak_evidence_leak_id_fkey"),
        sa.CheckConstraint(
            "trust IN ('signed', 'scan', 'possession')", name=op.f("kf_leak_evidence_trust_check")
        ),
    )
    op.create_index("kf_leak_evidence_receipt_id", "kf_leak_evidence", ["receipt_id"])
    op.create_table(
        "kf_receipts",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("origin", sa.String(40), nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="kf_receipts_pkey"),
    )


def downgrade() -> None:
    for table in (
        "kf_receipts",
        "kf_leak_evidence",
        "kf_leaks",
        "kf_peppers",
        "kf_audit_head",
        "kf_audit",
        "kf_keys",
        "kf_owners",
    ):
        op.drop_table(table)
