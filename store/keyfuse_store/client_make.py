"""The part of the client that makes keys: issuing, rotating, importing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from keyfuse_rules.secret import Secret
from keyfuse_store import wire
from keyfuse_store.client_base import KEYS, Client, key_path, missing, moment
from keyfuse_store.errors import AlreadyDone, InvalidField, KeyNotFound, KeysRefused, ServerError
from keyfuse_store.importing import Adopted, OldKey
from keyfuse_store.issue import BATCH_MAX
from keyfuse_store.model import Issued, Rotated
from keyfuse_store.times import duration_text


class MakesKeys(Client):
    """Every method is that of `KeyStore`, and raises as it does."""

    def issue(
        self,
        *,
        prefix: str,
        owner: str,
        name: str = "",
        scopes: Sequence[str] = (),
        meta: Mapping[str, object] | None = None,
        not_before: datetime | None = None,
        expires_at: datetime | None = None,
        expires_in: timedelta | None = None,
        rate_limit: str | None = None,
        quota: str | None = None,
        addresses: Sequence[str] = (),
        admin: bool = False,
    ) -> Issued:
        """Issue a key; see `KeyStore.issue`.

        Where no answer comes back it is asked for again, and made once all the same.

        Raises:
            AlreadyDone: the first attempt made the key, and its answer was lost; rotate it.
        """
        body = {
            "prefix": prefix,
            "owner": owner,
            "name": name,
            "scopes": list(scopes),
            "meta": dict(meta or {}),
            "not_before": moment("not_before", not_before),
            "expires_at": moment("expires_at", expires_at),
            "expires_in": None if expires_in is None else duration_text("expires_in", expires_in),
            "rate_limit": rate_limit,
            "quota": quota,
            "addresses": list(addresses),
            "admin": admin,
        }
        made = self._server.send("POST", KEYS, body, wire.IssuedWire, once=self._once())
        return Issued(_token(made), made.value())

    def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta = timedelta(hours=24),
        expires_at: datetime | None = None,
        expires_in: timedelta | None = None,
    ) -> Rotated:
        """Issue a successor; see `KeyStore.rotate`, and `issue` for a lost answer."""
        body = {
            "overlap": duration_text("overlap", overlap),
            "expires_at": moment("expires_at", expires_at),
            "expires_in": None if expires_in is None else duration_text("expires_in", expires_in),
        }
        with missing(KeyNotFound(key_id)):
            made = self._server.send(
                "POST", f"{key_path(key_id)}/rotate", body, wire.RotatedWire, once=self._once()
            )
        return Rotated(_token(made), made.value(), made.predecessor.value())

    def check_keys(self, old: Sequence[OldKey]) -> Sequence[tuple[int, InvalidField]]:
        """What is wrong with keys to be imported; see `KeyStore.check_keys`."""
        wrong: list[tuple[int, InvalidField]] = []
        for start in range(0, len(old), BATCH_MAX):
            try:
                self._import(old[start : start + BATCH_MAX], check=True)
            except KeysRefused as error:
                wrong += [(start + place, one) for place, one in error.wrong]
        return wrong

    def import_keys(self, old: Sequence[OldKey]) -> Adopted:
        """Take over keys from before keyfuse, batch by batch; see `KeyStore.import_keys`."""
        added: list[str] = []
        for start in range(0, len(old), BATCH_MAX):
            added += self._import(old[start : start + BATCH_MAX], check=False).added
        return Adopted(tuple(added), len(old) - len(added))

    def _import(self, old: Sequence[OldKey], *, check: bool) -> wire.ImportedWire:
        body = {"keys": [_old(one) for one in old], "check": check}
        return self._server.send("POST", f"{KEYS}/import", body, wire.ImportedWire)

    def _once(self) -> str:
        return self._token_bytes(16).hex()


def _token(made: wire.IssuedWire) -> Secret:
    if made.key is None:
        raise AlreadyDone(made.id)
    if not made.key.isascii() or not made.key.isprintable():
        raise ServerError("the server's answer holds no key; is the address right?")
    return Secret(made.key)


def _old(one: OldKey) -> dict[str, Any]:
    order = one.order
    return {
        "hash": one.hash,
        "owner": order.owner,
        "prefix": order.prefix,
        "name": order.name,
        "scopes": order.scopes,
        "meta": order.meta or {},
        "created": moment("created", one.created),
        "expires_at": moment("expires", order.expires_at),
        "rate_limit": order.rate_limit,
        "quota": order.quota,
        "addresses": order.addresses,
    }
