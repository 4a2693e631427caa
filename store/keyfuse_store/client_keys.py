"""The part of the client that makes, changes and looks at keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from keyfuse_rules.secret import Secret
from keyfuse_store import fields, wire
from keyfuse_store.changes import KEEP, KeyChanges
from keyfuse_store.connection import Connection, Refused
from keyfuse_store.errors import AlreadyDone, InvalidField, KeyNotFound, KeysRefused, ServerError
from keyfuse_store.importing import Adopted, OldKey
from keyfuse_store.issue import BATCH_MAX
from keyfuse_store.listing import Sort, Standing
from keyfuse_store.model import Issued, Key, Rotated
from keyfuse_store.times import duration_text, rfc3339, to_micros
from keyfuse_store.usage_history import Usage
from keyfuse_store.verdict import Code, Verdict

_KEYS = "/v1/keys"


class VerifiedWire(msgspec.Struct, frozen=True):
    """What is read of a verdict."""

    valid: bool
    code: Code
    id: str | None = None
    retry_after: float | None = None


class ClientKeys:
    """Every method is that of `KeyStore`, and raises as it does."""

    def __init__(self, server: Connection, token_bytes: Callable[[int], bytes]) -> None:
        self._server = server
        self._token_bytes = token_bytes

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
            "not_before": _moment("not_before", not_before),
            "expires_at": _moment("expires_at", expires_at),
            "expires_in": None if expires_in is None else duration_text(expires_in),
            "rate_limit": rate_limit,
            "quota": quota,
            "addresses": list(addresses),
            "admin": admin,
        }
        made = self._server.send("POST", _KEYS, body, wire.IssuedWire, once=self._once())
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
            "overlap": duration_text(overlap) if overlap else "0",
            "expires_at": _moment("expires_at", expires_at),
            "expires_in": None if expires_in is None else duration_text(expires_in),
        }
        with _missing(key_id):
            made = self._server.send(
                "POST", f"{_path(key_id)}/rotate", body, wire.RotatedWire, once=self._once()
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

    def list(
        self,
        *,
        owner: str | None = None,
        prefix: str | None = None,
        state: Standing | None = None,
        search: str | None = None,
        after: str | None = None,
        sort: Sort = "oldest",
        limit: int = 100,
    ) -> Sequence[Key]:
        """A page of keys; see `KeyStore.list`."""
        found = self._server.get(
            _KEYS,
            wire.KeyPage,
            owner=owner,
            prefix=prefix,
            state=state,
            search=search,
            after=after,
            sort=sort,
            limit=limit,
        )
        return [one.value() for one in found.keys]

    def get(self, key_id: str) -> Key:
        """The key with this id; see `KeyStore.get`."""
        with _missing(key_id):
            return self._server.get(_path(key_id), wire.KeyWire).value()

    def usage(self, key_id: str, *, since: datetime | None = None, limit: int = 100) -> Usage:
        """How a key was used; see `KeyStore.usage`."""
        with _missing(key_id):
            return self._server.get(
                f"{_path(key_id)}/usage",
                wire.UsageWire,
                since=_moment("since", since),
                limit=limit,
            ).value()

    def change(self, key_id: str, changes: KeyChanges, *, version: str | None = None) -> Key:
        """Change a key; see `KeyStore.change`."""
        body = {name: value for name in _CHANGES if (value := getattr(changes, name)) is not KEEP}
        if isinstance(body.get("expires_at"), datetime):
            body["expires_at"] = _moment("expires_at", body["expires_at"])
        if "expires_in" in body:
            body["expires_in"] = duration_text(body["expires_in"])
        seen = None if version is None else f'"{version}"'
        with _missing(key_id):
            return self._server.send(
                "PATCH", _path(key_id), body, wire.KeyWire, if_match=seen
            ).value()

    def revoke(
        self, key_id: str, *, reason: str, evidence: Mapping[str, object] | None = None
    ) -> Key:
        """Kill a key for good; see `KeyStore.revoke`."""
        return self._act(key_id, "revoke", {"reason": reason, "evidence": evidence})

    def suspend(self, key_id: str, *, reason: str) -> Key:
        """Stop a key until it is resumed; see `KeyStore.suspend`."""
        return self._act(key_id, "suspend", {"reason": reason})

    def resume(self, key_id: str) -> Key:
        """Undo a suspension, or else a quarantine; see `KeyStore.resume`."""
        return self._act(key_id, "resume", {})

    def verify(
        self,
        token: str | Secret,
        *,
        scopes: Sequence[str] = (),
        any_of: Sequence[str] = (),
        resource: str | None = None,
        client_address: str | None = None,
        cost: int = 1,
    ) -> Verdict:
        """Tell whether a key may do what is asked; see `KeyStore.verify`."""
        body = {
            "key": token.reveal() if isinstance(token, Secret) else token,
            "scopes": list(scopes),
            "any_of": list(any_of),
            "resource": resource,
            "client_address": client_address,
            "cost": cost,
        }
        found = self._server.send("POST", "/v1/verify", body, VerifiedWire)
        return Verdict(found.valid, found.code, found.id, found.retry_after, None, None, self.get)

    def _act(self, key_id: str, verb: str, body: Mapping[str, object]) -> Key:
        with _missing(key_id):
            return self._server.send("POST", f"{_path(key_id)}/{verb}", body, wire.KeyWire).value()

    def _import(self, old: Sequence[OldKey], *, check: bool) -> wire.ImportedWire:
        body = {"keys": [_old(one) for one in old], "check": check}
        return self._server.send("POST", f"{_KEYS}/import", body, wire.ImportedWire)

    def _once(self) -> str:
        return self._token_bytes(16).hex()


_CHANGES = (
    "name",
    "scopes",
    "meta",
    "addresses",
    "rate_limit",
    "quota",
    "expires_at",
    "expires_in",
)


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
        "created": _moment("created", one.created),
        "expires_at": _moment("expires", order.expires_at),
        "rate_limit": order.rate_limit,
        "quota": order.quota,
        "addresses": order.addresses,
    }


def _moment(field: str, moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(to_micros(field, moment))


def _path(key_id: str) -> str:
    return f"{_KEYS}/{quote(fields.key_id(key_id), safe='')}"


@contextmanager
def _missing(key_id: str) -> Iterator[None]:
    """Inside, the server's 404 is a key that does not exist."""
    try:
        yield
    except Refused as refused:
        if refused.not_found:
            raise KeyNotFound(key_id) from None
        raise
