"""The orders in which people look at keys."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ORDERS = (["state", "created_at", "id"], ["name", "id"], ["expires_at", "id"])


def upgrade() -> None:
    for columns in _ORDERS:
        op.create_index(f"kf_keys_{'_'.join(columns)}", "kf_keys", columns)


def downgrade() -> None:
    for columns in _ORDERS:
        op.drop_index(f"kf_keys_{'_'.join(columns)}", "kf_keys")
