"""The door to the store: one object that an API holds for as long as it runs."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Self

from sqlalchemy import Connection, select

from keyfuse_rules.secret import Secret
from keyfuse_store import changes as changing
from keyfuse_store import (
    importing,
    keys,
    lifecycle,
    owners,
    readiness,
    revisions,
    rotation,
    usage_history,
)
from keyfuse_store import issue as issuing
from keyfuse_store.allowance import Allowance
from keyfuse_store.audit import AuditLog, note_head
from keyfuse_store.changes import KeyChanges
from keyfuse_store.database import Database, open_database
from keyfuse_store.importing import Adopted, OldKey
from keyfuse_store.legacy import LegacyKeys
from keyfuse_store.legacy_lookup import LegacyLookup
from keyfuse_store.model import Issued, Key, Owner, Rotated, Verdict
from keyfuse_store.opening import PepperSource, open_ring
from keyfuse_store.peppers import PepperRing
from keyfuse_store.quotas import Quotas
from keyfuse_store.rates import open_rates
from keyfuse_store.reader import KeyReader
from keyfuse_store.schema import audit_head
from keyfuse_store.settings import Settings
from keyfuse_store.sinks import open_sink
from keyfuse_store.times import Clock, system_clock, to_micros
from keyfuse_store.usage import UsageLog
from keyfuse_store.verify import Verifier


class KeyStore:
    """Issues, verifies, lists and revokes API keys. Safe to share between threads.

    Attributes:
        database: Where the keys are; `database.engine` is the SQLAlchemy engine.
        settings: What it was opened with.
        audit: Appends to the audit record inside `begin()`.
        peppers: The versions at hand.
        clock: The present time in epoch microseconds.
        catalogue: The scopes that may be granted, where any are declared.
    """

    def __init__(
        self,
        database: Database,
        ring: PepperRing,
        settings: Settings,
        clock: Clock = system_clock,
        token_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.database = database
        self.settings = settings
        self.peppers = ring
        self.audit = AuditLog(ring)
        self.clock = clock
        self.catalogue = settings.scopes
        self._legacy = LegacyKeys(settings.key_types, ring)
        self._token_bytes = token_bytes
        self._reader = KeyReader(database)
        self._allowance = Allowance(
            open_rates(settings, database),
            Quotas(database, settings.quota_lease),
            fail_open=settings.limits_fail == "open",
        )
        self._usage = UsageLog(database, open_sink(settings, database), settings, clock)
        older = LegacyLookup(database, self._legacy, self._usage.rehash) if self._legacy else None
        self._verify = Verifier(
            self._reader, ring, self._allowance, self._usage, clock, older=older
        ).verify

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        peppers: PepperSource = None,
        settings: Settings | None = None,
        clock: Clock = system_clock,
        token_bytes: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """Open a store. An embedded SQLite database is made or upgraded on the way.

        Args:
            url: `sqlite:///FILE` or `postgresql+psycopg://…`; default is from the settings.
            peppers: `{version: bytes}`, a ring, or `1:base64,…`; default is from the settings.
            settings: Default is what the environment says.
            clock: Gives epoch microseconds.
            token_bytes: The random source.

        Raises:
            SettingsError: a setting is wrong.
            PepperError: no peppers, or not those of this database.
            DatabaseError: the database cannot be opened, is too new or needs an upgrade.
        """
        settings = Settings.load() if settings is None else settings
        database = open_database(url or settings.database_url)
        try:
            (revisions.upgrade if database.embedded else revisions.check)(database)
            ring = open_ring(database, settings, peppers, clock(), token_bytes)
            with database.read() as connection:
                note_head(connection)
            return cls(database, ring, settings, clock, token_bytes)
        except BaseException:
            database.close()
            raise

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
        actor: str = "api",
    ) -> Issued:
        """Issue a key; the plaintext is in this answer and nowhere else.

        See `issue.KeyOrder` for the arguments. A new mail address for `owner` adds the owner.

        Raises:
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
            return issuing.issue(
                connection,
                self.audit,
                self.peppers,
                order,
                actor=actor,
                at=self.clock(),
                catalogue=self.catalogue,
                token_bytes=self._token_bytes,
            )

    def issue_many(
        self, orders: Iterable[issuing.KeyOrder], *, actor: str = "api"
    ) -> Iterator[Issued]:
        """Issue keys batch by batch; each batch is committed before its first key is given.

        Raises:
            InvalidField: a field is not acceptable; nothing of its batch was issued.
            OwnerNotFound: an owner id does not exist; nothing of its batch was issued.
        """
        waiting = iter(orders)
        while batch := list(islice(waiting, issuing.BATCH_MAX)):
            with self.begin() as connection:
                issued = issuing.issue_all(
                    connection,
                    self.audit,
                    self.peppers,
                    batch,
                    actor=actor,
                    at=self.clock(),
                    catalogue=self.catalogue,
                    token_bytes=self._token_bytes,
                )
            yield from issued

    def import_keys(self, old: Sequence[OldKey], *, actor: str = "api") -> Adopted:
        """Take over keys from before keyfuse by their hashes; a known hash is left as it is.

        Raises:
            InvalidField: a field is not acceptable; it is named, and nothing was imported.
            OwnerNotFound: an owner id does not exist; the batches before it were imported.
        """
        types, at = self.settings.key_types, self.clock()
        checked = [importing.check(one, types, self.peppers, self.catalogue, at) for one in old]
        return self.adopt(checked, actor=actor)

    def adopt(self, checked: Sequence[importing.CheckedKey], *, actor: str = "api") -> Adopted:
        """Write what `importing.check` has examined, batch by batch."""
        added: list[str] = []
        for start in range(0, len(checked), importing.BATCH_MAX):
            with self.begin() as connection:
                batch = importing.adopt(
                    connection,
                    self.audit,
                    checked[start : start + importing.BATCH_MAX],
                    actor=actor,
                    at=self.clock(),
                    token_bytes=self._token_bytes,
                )
            added += batch.added
        return Adopted(tuple(added), len(checked) - len(added))

    def verify(
        self,
        token: str | Secret,
        *,
        scopes: Sequence[str] = (),
        any_of: Sequence[str] = (),
        resource: str | None = None,
        client_address: str | None = None,
        cost: int = 1,
        user_agent: str | None = None,
        holder: bool = False,
    ) -> Verdict:
        """Tell whether a key may do what is asked, as of this moment in every process.

        Args:
            token: The whole key; anything that is none is `malformed`.
            scopes: All of these are needed.
            any_of: One of these is needed.
            resource: What the call is about, for keys held to one resource.
            client_address: Where the call comes from, for keys with an allow-list.
            cost: How many calls this one counts for; 0 only looks.
            user_agent: With what the call is made, for the usage events.
            holder: Read whose key it is along with the verdict, for a caller who will look at
                `verdict.holder`: one look-up instead of two.

        Returns:
            The verdict; a database or pepper that is gone is `unavailable`, never an exception.

        Raises:
            InvalidField: the question itself is malformed.
        """
        question = (scopes, any_of, resource, client_address, cost, user_agent)
        return self._verify(token, question, holder=holder)

    def get(self, key_id: str) -> Key:
        """The key with this id, in any state.

        Raises:
            KeyNotFound: there is none.
        """
        with self.read() as connection:
            return keys.get(connection, key_id)

    def list(
        self,
        *,
        owner: str | None = None,
        prefix: str | None = None,
        state: str | None = None,
        search: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[Key]:
        """A page of keys, oldest first, after the key with the id `after`.

        With `search`: keys whose id begins with it, or whose name or owner's mail address holds
        it, in any case (of ASCII letters).

        Raises:
            InvalidField: a filter is malformed.
            OwnerNotFound: the owner does not exist.
            KeyNotFound: the key `after` does not exist.
        """
        with self.read() as connection:
            return keys.page(
                connection,
                owner=owner,
                prefix=prefix,
                state=state,
                search=search,
                after=after,
                limit=limit,
            )

    def search(self, text: str, *, after: str | None = None, limit: int = 100) -> Sequence[Key]:
        """A page of the keys that `list` finds with `search`.

        Raises:
            InvalidField: the text is empty, too long, or no text on one line.
            KeyNotFound: the key `after` does not exist.
        """
        return self.list(search=text, after=after, limit=limit)

    def match(self, tokens: Sequence[str]) -> Sequence[Key | None]:
        """For each token the key it is, in any state, proven by the whole secret; else None.

        Raises:
            DatabaseError: the database cannot be read.
        """
        with self.read() as connection:
            return keys.match(connection, self.peppers, tokens, self._legacy)

    def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta = timedelta(hours=24),
        expires_at: datetime | None = None,
        expires_in: timedelta | None = None,
        actor: str = "api",
    ) -> Rotated:
        """Issue a successor; the key itself remains valid until the overlap or its own end.

        The successor has everything of the key but its secret, the end included, if no other is
        given. See `rotation` for which keys can be rotated.

        Raises:
            KeyNotFound: there is no such key.
            StateConflict: the key is revoked, suspended, expired, or was rotated before.
            InvalidField: the overlap or the end is out of range.
        """
        with self.begin() as connection:
            return rotation.rotate(
                connection,
                self.audit,
                self.peppers,
                key_id,
                overlap=overlap,
                expires_at=expires_at,
                expires_in=expires_in,
                actor=actor,
                at=self.clock(),
                token_bytes=self._token_bytes,
            )

    def change(self, key_id: str, changes: KeyChanges, *, actor: str = "api") -> Key:
        """Change name, scopes, limits or end of a key.

        Raises:
            KeyNotFound: there is no such key.
            StateConflict: the key is revoked.
            InvalidField: a field is not acceptable; it is named.
        """
        with self.begin() as connection:
            changing.change(
                connection,
                self.audit,
                key_id,
                changes,
                actor=actor,
                at=self.clock(),
                catalogue=self.catalogue,
            )
            return keys.get(connection, key_id)

    def rename(self, key_id: str, name: str, *, actor: str = "api") -> Key:
        """Give a key another name; raises as `change` does."""
        return self.change(key_id, KeyChanges(name=name), actor=actor)

    def set_scopes(self, key_id: str, scopes: Sequence[str], *, actor: str = "api") -> Key:
        """Give a key other scopes, seen by the next verify everywhere; raises as `change` does."""
        return self.change(key_id, KeyChanges(scopes=scopes), actor=actor)

    def revoke(
        self,
        key_id: str,
        *,
        reason: str,
        evidence: Mapping[str, object] | None = None,
        actor: str = "api",
    ) -> Key:
        """Kill a key for good. A dead key stays as it died.

        Raises:
            KeyNotFound: there is no such key.
        """
        with self.begin() as connection:
            lifecycle.revoke(
                connection,
                self.audit,
                key_id,
                reason=reason,
                evidence=evidence,
                actor=actor,
                at=self.clock(),
            )
            return keys.get(connection, key_id)

    def suspend(self, key_id: str, *, reason: str, actor: str = "api") -> Key:
        """Stop a key until it is resumed.

        Raises:
            KeyNotFound: there is no such key.
            StateConflict: the key is revoked.
        """
        with self.begin() as connection:
            at = self.clock()
            lifecycle.suspend(connection, self.audit, key_id, reason=reason, actor=actor, at=at)
            return keys.get(connection, key_id)

    def resume(self, key_id: str, *, actor: str = "api") -> Key:
        """Undo a suspension, or else a quarantine.

        Raises:
            KeyNotFound: there is no such key.
            StateConflict: the key is revoked.
        """
        with self.begin() as connection:
            lifecycle.resume(connection, self.audit, key_id, actor=actor, at=self.clock())
            return keys.get(connection, key_id)

    def add_owner(self, email: str, *, name: str = "", actor: str = "api") -> Owner:
        """Add an owner.

        Raises:
            InvalidField: a field is not acceptable, or the mail address is taken.
        """
        with self.begin() as connection:
            return owners.add(
                connection,
                self.audit,
                email=email,
                name=name,
                actor=actor,
                at=self.clock(),
                token_bytes=self._token_bytes,
            )

    def usage(
        self, key_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> usage_history.Usage:
        """How a key was used: by hour, and call by call if usage events go to the database.

        Raises:
            KeyNotFound: there is no such key.
            InvalidField: `limit` is out of range, or `since` has no time zone.
        """
        start = 0 if since is None else to_micros("since", since)
        with self.read() as connection:
            keys.get(connection, key_id)
            return usage_history.of_key(connection, key_id, since=start, limit=limit)

    def flush(self) -> None:
        """Write the usage of this process that is still waiting, instead of within a second."""
        self._usage.flush()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One durable write transaction to compose steps in (see `Database.begin`).

        Changes happen one at a time in all processes, on SQLite by its one writer and on
        PostgreSQL by the head of the audit record: what a step has looked up still holds when it
        writes, and two of them never wait for each other.
        """
        with self.database.begin() as connection:
            if not self.database.embedded:
                connection.execute(select(audit_head.c.id).with_for_update())
            yield connection

    def read(self) -> AbstractContextManager[Connection]:
        """One consistent view of the database (see `Database.read`)."""
        return self.database.read()

    def check(self) -> None:
        """Make sure that keys can be verified and revoked at this moment; for a readiness probe.

        Raises:
            PepperError: the peppers at hand are not those of this database.
            DatabaseError: the database is locked, full, read-only, gone, or does not fit this code.
        """
        readiness.check(self.database, self.peppers)

    def close(self) -> None:
        """Write what was left for later and close every connection; the store is done with."""
        self._usage.close()
        self._allowance.close()
        self._reader.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
