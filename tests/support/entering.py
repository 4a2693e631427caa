"""Ways into the console for tests: management keys and one-time links."""

from typing import Any

from keyfuse_store import Issued, KeyStore
from keyfuse_webhook.console.sessions import Opening, make_link


def admin(store: KeyStore, *scopes: str, **options: object) -> Issued:
    """A management key."""
    wanted: dict[str, Any] = {
        "prefix": "keyfuse_root",
        "owner": "root@example.com",
        "name": "laptop",
        "scopes": scopes or ("keyfuse:admin",),
        "admin": True,
    }
    return store.issue(**wanted | options)


def link_of(store: KeyStore, key_id: str, owner_id: str | None = None) -> str:
    """The path of a one-time link."""
    with store.begin() as connection:
        token = make_link(connection, Opening(key_id, owner_id), at=store.clock())
    return f"/{'portal' if owner_id else 'console'}/login/{token}"
