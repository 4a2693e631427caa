"""The part of a `KeyStore` that changes keys and owners."""

from collections.abc import Mapping, Sequence

from keyfuse_store import changes as changing
from keyfuse_store import keys, lifecycle, owners
from keyfuse_store.changes import KeyChanges
from keyfuse_store.errors import VersionConflict
from keyfuse_store.keystore_base import Actor, OpenStore
from keyfuse_store.model import Key, Owner


class ChangesKeys(OpenStore):
    """Every method takes `actor`, who does it, and `origin`, from which address: for the record.

    By default it is whoever opened the store. A `Principal` may get `NotPermitted`.
    """

    def change(
        self,
        key_id: str,
        changes: KeyChanges,
        *,
        version: str | None = None,
        actor: Actor | None = None,
        origin: str | None = None,
    ) -> Key:
        """Change name, scopes, limits or end of a key.

        Args:
            key_id: Which key.
            changes: What is to be different.
            version: Only if the key is as it was when it had this `Key.version`.
            actor: Who does it.
            origin: From which address.

        Raises:
            KeyNotFound: there is no such key.
            VersionConflict: the key has another version by now.
            StateConflict: the key is revoked.
            InvalidField: a field is not acceptable; it is named.
        """
        with self.begin() as connection:
            actor = self.acting(connection, actor, origin)
            before = keys.get(connection, key_id)
            if version is not None and version != before.version:
                raise VersionConflict(f"key {key_id} was changed since; look at it again")
            self._permit(actor, before)
            changing.change(
                connection,
                self.audit,
                key_id,
                changes,
                **self.by(actor, origin),
                catalogue=self.catalogue,
            )
            after = keys.get(connection, key_id)
            self._permit(actor, after)
            return after

    def rename(
        self, key_id: str, name: str, *, actor: Actor | None = None, origin: str | None = None
    ) -> Key:
        """Give a key another name; raises as `change` does."""
        return self.change(key_id, KeyChanges(name=name), actor=actor, origin=origin)

    def set_scopes(
        self,
        key_id: str,
        scopes: Sequence[str],
        *,
        actor: Actor | None = None,
        origin: str | None = None,
    ) -> Key:
        """Give a key other scopes, seen by the next verify everywhere; raises as `change` does."""
        return self.change(key_id, KeyChanges(scopes=scopes), actor=actor, origin=origin)

    def revoke(
        self,
        key_id: str,
        *,
        reason: str,
        evidence: Mapping[str, object] | None = None,
        actor: Actor | None = None,
        origin: str | None = None,
    ) -> Key:
        """Kill a key for good. A dead key stays as it died.

        Raises:
            KeyNotFound: there is no such key.
        """
        with self.begin() as connection:
            actor = self.acting(connection, actor, origin)
            self._permit(actor, keys.get(connection, key_id))
            lifecycle.revoke(
                connection,
                self.audit,
                key_id,
                reason=reason,
                evidence=evidence,
                **self.by(actor, origin),
            )
            return keys.get(connection, key_id)

    def suspend(
        self, key_id: str, *, reason: str, actor: Actor | None = None, origin: str | None = None
    ) -> Key:
        """Stop a key until it is resumed.

        Raises:
            KeyNotFound: there is no such key.
            StateConflict: the key is revoked.
        """
        with self.begin() as connection:
            actor = self.acting(connection, actor, origin)
            self._permit(actor, keys.get(connection, key_id))
            by = self.by(actor, origin)
            lifecycle.suspend(connection, self.audit, key_id, reason=reason, **by)
            return keys.get(connection, key_id)

    def resume(self, key_id: str, *, actor: Actor | None = None, origin: str | None = None) -> Key:
        """Undo a suspension, or else a quarantine.

        Raises:
            KeyNotFound: there is no such key.
            StateConflict: the key is revoked.
        """
        with self.begin() as connection:
            actor = self.acting(connection, actor, origin)
            self._permit(actor, keys.get(connection, key_id))
            lifecycle.resume(connection, self.audit, key_id, **self.by(actor, origin))
            return keys.get(connection, key_id)

    def add_owner(
        self, email: str, *, name: str = "", actor: Actor | None = None, origin: str | None = None
    ) -> Owner:
        """Add an owner.

        Raises:
            InvalidField: a field is not acceptable, or the mail address is taken.
        """
        with self.begin() as connection:
            actor = self.acting(connection, actor, origin, "keyfuse:owners.write")
            return owners.add(
                connection,
                self.audit,
                email=email,
                name=name,
                **self.by(actor, origin),
                token_bytes=self._token_bytes,
            )
