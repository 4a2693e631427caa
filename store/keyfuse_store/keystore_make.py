"""The part of a `KeyStore` that makes keys: issuing, rotating, importing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from keyfuse_store import importing, keys, rotation
from keyfuse_store import issue as issuing
from keyfuse_store import once as idempotency
from keyfuse_store.errors import InvalidField
from keyfuse_store.importing import Adopted, OldKey
from keyfuse_store.keystore_base import Actor, OpenStore
from keyfuse_store.model import Issued, Rotated
from keyfuse_store.once import Once


class MakesKeys(OpenStore):
    """Every method takes `actor`, who does it, and `origin`, from which address: for the record.

    By default it is whoever opened the store. A `Principal` may get `NotPermitted`.
    """

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
        once: Once | None = None,
        actor: Actor | None = None,
        origin: str | None = None,
    ) -> Issued:
        """Issue a key; the plaintext is in this answer and nowhere else.

        See `issue.KeyOrder` for the arguments. A new mail address for `owner` adds the owner.
        With `once`, the same request again makes no second key.

        Raises:
            AlreadyDone: the same request was carried out before.
            InvalidField: a field is not acceptable; it is named.
            OwnerNotFound: the owner id does not exist.
            DatabaseError: nothing was issued.
        """
        order = issuing.KeyOrder(
            prefix=prefix,
            owner=owner,
            name=name,
            scopes=scopes,
            meta=meta,
            not_before=not_before,
            expires_at=expires_at,
            expires_in=expires_in,
            rate_limit=rate_limit,
            quota=quota,
            addresses=addresses,
            admin=admin,
        )
        with self.begin() as connection:
            actor = self.acting(connection, actor, origin)
            idempotency.check(connection, once)
            by = self.by(actor, origin)
            issued = issuing.issue(
                connection,
                self.audit,
                self.peppers,
                order,
                **by,
                catalogue=self.catalogue,
                token_bytes=self._token_bytes,
            )
            self._permit(actor, issued.key)
            idempotency.remember(connection, once, issued.key.id, by["at"])
            return issued

    def issue_many(
        self,
        orders: Iterable[issuing.KeyOrder],
        *,
        actor: Actor | None = None,
        origin: str | None = None,
    ) -> Iterator[Issued]:
        """Issue keys batch by batch; each batch is committed before its first key is given.

        Raises:
            InvalidField: a field is not acceptable; nothing of its batch was issued.
            OwnerNotFound: an owner id does not exist; nothing of its batch was issued.
        """
        waiting = iter(orders)
        while batch := list(islice(waiting, issuing.BATCH_MAX)):
            with self.begin() as connection:
                actor = self.acting(connection, actor, origin)
                issued = issuing.issue_all(
                    connection,
                    self.audit,
                    self.peppers,
                    batch,
                    **self.by(actor, origin),
                    catalogue=self.catalogue,
                    token_bytes=self._token_bytes,
                )
                for one in issued:
                    self._permit(actor, one.key)
            yield from issued

    def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta = timedelta(hours=24),
        expires_at: datetime | None = None,
        expires_in: timedelta | None = None,
        once: Once | None = None,
        actor: Actor | None = None,
        origin: str | None = None,
    ) -> Rotated:
        """Issue a successor; the key itself remains valid until the overlap or its own end.

        The successor has everything of the key but its secret, the end included, if no other is
        given. See `rotation` for which keys can be rotated. With `once`, the same request again
        rotates nothing.

        Raises:
            AlreadyDone: the same request was carried out before.
            KeyNotFound: there is no such key.
            StateConflict: the key is revoked, suspended, expired, or was rotated before.
            InvalidField: the overlap or the end is out of range.
        """
        with self.begin() as connection:
            actor = self.acting(connection, actor, origin)
            idempotency.check(connection, once)
            self._permit(actor, keys.get(connection, key_id))
            by = self.by(actor, origin)
            rotated = rotation.rotate(
                connection,
                self.audit,
                self.peppers,
                key_id,
                overlap=overlap,
                expires_at=expires_at,
                expires_in=expires_in,
                **by,
                token_bytes=self._token_bytes,
            )
            idempotency.remember(connection, once, rotated.key.id, by["at"])
            return rotated

    def check_keys(self, old: Sequence[OldKey]) -> Sequence[tuple[int, InvalidField]]:
        """What is wrong with keys to be imported: the place of each in the list, and why."""
        types, at = self.settings.key_types, self.clock()
        wrong = []
        for place, one in enumerate(old):
            try:
                importing.check(one, types, self.peppers, self.catalogue, at)
            except InvalidField as error:
                wrong.append((place, error))
        return wrong

    def import_keys(
        self, old: Sequence[OldKey], *, actor: Actor | None = None, origin: str | None = None
    ) -> Adopted:
        """Take over keys from before keyfuse by their hashes; a known hash is left as it is.

        Raises:
            InvalidField: a field is not acceptable; it is named, and nothing was imported.
            OwnerNotFound: an owner id does not exist; the batches before it were imported.
        """
        types, at = self.settings.key_types, self.clock()
        checked = [importing.check(one, types, self.peppers, self.catalogue, at) for one in old]
        return self.adopt(checked, actor=actor, origin=origin)

    def adopt(
        self,
        checked: Sequence[importing.CheckedKey],
        *,
        actor: Actor | None = None,
        origin: str | None = None,
    ) -> Adopted:
        """Write what `importing.check` has examined, batch by batch."""
        added: list[str] = []
        for start in range(0, len(checked), importing.BATCH_MAX):
            with self.begin() as connection:
                actor = self.acting(connection, actor, origin)
                batch = importing.adopt(
                    connection,
                    self.audit,
                    checked[start : start + importing.BATCH_MAX],
                    **self.by(actor, origin),
                    token_bytes=self._token_bytes,
                )
            added += batch.added
        return Adopted(tuple(added), len(checked) - len(added))
