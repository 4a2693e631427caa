"""Who manages keyfuse over the network, and what he may do to keys that manage it themselves.

Nobody can give away more than he has. That holds for granting a `keyfuse:` scope, and for every
step that touches a management key: rotating one shows a plaintext with all of its scopes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from keyfuse_rules.prefixes import is_management_prefix
from keyfuse_store import keys
from keyfuse_store.addresses import allows
from keyfuse_store.errors import KeyNotFound, NotPermitted
from keyfuse_store.model import Key
from keyfuse_store.scopes import ADMIN, MANAGEMENT_SCOPES, intersect, is_reserved
from keyfuse_store.verify import standing


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a management key.

    Attributes:
        key_id: Which key.
        owner: The mail address of its owner.
        name: What people call the key.
        scopes: What it may do at this moment: in quarantine, what is left.
    """

    key_id: str
    owner: str
    name: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """How the audit record calls him."""
        return f"key:{self.key_id}"

    def may(self, scope: str) -> bool:
        """Tell whether he holds a `keyfuse:` scope, itself or by `keyfuse:admin`."""
        return scope in MANAGEMENT_SCOPES and not self.scopes.isdisjoint({scope, ADMIN})

    def check_grant(self, scopes: Iterable[str]) -> None:
        """Make sure that he gives away nothing he does not hold.

        Scopes outside the namespace are the API's own, and not for him to hold.

        Raises:
            NotPermitted: he lacks one.
        """
        lacking = sorted({one for one in scopes if is_reserved(one) and not self.may(one)})
        if lacking:
            raise NotPermitted(lacking)

    def check_touch(self, key: Key) -> None:
        """Make sure that he may change a key: one for management only if he holds all it holds.

        Raises:
            NotPermitted: he lacks one of its scopes.
        """
        if is_management_prefix(key.prefix):
            self.check_grant(key.scopes)


def principal(key: Key) -> Principal | None:
    """Whoever holds a key that was just verified, if it is a management key."""
    if not is_management_prefix(key.prefix):
        return None
    held = key.scopes_text
    if key.quarantine_text is not None:
        held = intersect(held, key.quarantine_text)
    return Principal(key.id, key.owner, key.name, frozenset(held.split()) & {*MANAGEMENT_SCOPES})


def acting(
    connection: Connection, who: Principal, scope: str, *, address: str | None, at: int
) -> Principal:
    """The same inside the transaction of what he is about to do, as his key stands there.

    Raises:
        NotPermitted: his key died meanwhile, or does not hold the scope any more.
    """
    now = still_principal(connection, who.key_id, address=address, at=at)
    if now is None or not now.may(scope):
        raise NotPermitted([scope])
    return now


def still_principal(
    connection: Connection, key_id: str, *, address: str | None, at: int
) -> Principal | None:
    """The same for somebody who proved his key before, as its row stands now; for sessions.

    Args:
        connection: A read.
        key_id: The key he proved.
        address: Where he is calling from, for keys that are held to networks.
        at: The present time in epoch microseconds.

    Returns:
        None where the key is dead, suspended, expired, unknown, or not to be used from there.
    """
    try:
        key = keys.get(connection, key_id)
    except KeyNotFound:
        return None
    if standing(key, at) is not None:
        return None
    if key.addresses_text and not allows(key.addresses_text, address):
        return None
    return principal(key)
