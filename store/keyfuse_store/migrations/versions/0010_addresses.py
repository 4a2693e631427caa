"""Verification remembers the addresses of owners, and needs no index to find them in."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("kf_owners_id_email", "kf_owners")


def downgrade() -> None:
    op.create_index("kf_owners_id_email", "kf_owners", ["id", "email"])
