"""The part of the client that looks at keys, changes them, and asks what they may do."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from keyfuse_rules.secret import Secret
from keyfuse_store import wire
from keyfuse_store.changes import KEEP, KeyChanges
from keyfuse_store.client_base import KEYS, Client, key_path, missing, moment
from keyfuse_store.errors import KeyNotFound
from keyfuse_store.listing import Sort, Standing
from keyfuse_store.model import Key
from keyfuse_store.times import duration_text
from keyfuse_store.usage_history import Usage
from keyfuse_store.verdict import Code, Verdict


class VerifiedWire(msgspec.Struct, frozen=True):
    """What is read of a verdict."""

    valid: bool
    code: Code
    id: str | None = None
    retry_after: float | None = None


class ClientKeys(Client):
    """Every method is that of `KeyStore`, and raises as it does."""

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
            KEYS,
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
        with missing(KeyNotFound(key_id)):
            return self._server.get(key_path(key_id), wire.KeyWire).value()

    def usage(self, key_id: str, *, since: datetime | None = None, limit: int = 100) -> Usage:
        """How a key was used; see `KeyStore.usage`."""
        with missing(KeyNotFound(key_id)):
            return self._server.get(
                f"{key_path(key_id)}/usage",
                wire.UsageWire,
                since=moment("since", since),
                limit=limit,
            ).value()

    def change(self, key_id: str, changes: KeyChanges, *, version: str | None = None) -> Key:
        """Change a key; see `KeyStore.change`."""
        body = {name: value for name in _CHANGES if (value := getattr(changes, name)) is not KEEP}
        if isinstance(body.get("expires_at"), datetime):
            body["expires_at"] = moment("expires_at", body["expires_at"])
        if "expires_in" in body:
            body["expires_in"] = duration_text("expires_in", body["expires_in"])
        seen = None if version is None else f'"{version}"'
        with missing(KeyNotFound(key_id)):
            return self._server.send(
                "PATCH", key_path(key_id), body, wire.KeyWire, if_match=seen
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
        with missing(KeyNotFound(key_id)):
            where = f"{key_path(key_id)}/{verb}"
            return self._server.send("POST", where, body, wire.KeyWire).value()


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
