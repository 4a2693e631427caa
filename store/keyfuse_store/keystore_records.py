"""The part of a `KeyStore` that looks at owners, incidents and the audit record."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from keyfuse_store import audit as record
from keyfuse_store import audit_file, incidents, leaks, owners
from keyfuse_store.audit import AuditEntry
from keyfuse_store.chain import ChainReport, Head
from keyfuse_store.incidents import Incident
from keyfuse_store.keystore_base import OpenStore
from keyfuse_store.leaks import Leak, LeakState
from keyfuse_store.model import Owner
from keyfuse_store.times import to_micros


class ReadsRecords(OpenStore):
    """Each look is one consistent view of the database."""

    def owner(self, owner: str) -> Owner:
        """The owner with this id or mail address.

        Raises:
            OwnerNotFound: there is none.
        """
        with self.read() as connection:
            return owners.get(connection, owner)

    def owners(
        self, *, search: str | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[Owner]:
        """A page of owners in the order of their mail addresses, after that of owner `after`.

        With `search`: owners whose mail address or name holds it, in any case.

        Raises:
            InvalidField: the search is no text on one line.
            OwnerNotFound: the owner `after` does not exist.
        """
        with self.read() as connection:
            return owners.page(connection, search=search, after=after, limit=limit)

    def leaks(
        self,
        *,
        owner: str | None = None,
        state: LeakState | None = None,
        after: str | None = None,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[Leak]:
        """A page of incidents, oldest first or newest first, after the one with the id `after`.

        Raises:
            OwnerNotFound: the owner does not exist.
            LeakNotFound: the incident `after` does not exist.
        """
        with self.read() as connection:
            owner_id = None if owner is None else owners.get(connection, owner).id
            return leaks.page(
                connection,
                owner_id=owner_id,
                state=state,
                after=after,
                newest_first=newest_first,
                limit=limit,
            )

    def leak(self, leak_or_key: str) -> Incident:
        """The incident with this id, or that of the key with this id.

        Raises:
            LeakNotFound: there is none.
        """
        with self.read() as connection:
            return incidents.find(connection, leak_or_key, self.clock())

    def entries(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        after: int | None = None,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """A page of the audit record, oldest first or newest first, after entry number `after`.

        Raises:
            InvalidField: `since` has no time zone.
        """
        moment = None if since is None else to_micros("since", since)
        with self.read() as connection:
            return record.entries(
                connection,
                subject=subject,
                action=action,
                actor=actor,
                since=moment,
                after=after,
                newest_first=newest_first,
                limit=limit,
            )

    def verify_record(self, heads: Sequence[Head] = ()) -> tuple[ChainReport, Head | None]:
        """Recompute the whole audit record; what was found, and where the record ends."""
        with self.read() as connection:
            report = record.verify_chain(connection, self.peppers, heads)
            return report, record.head(connection)

    def export_record(self) -> Iterator[tuple[str, Head]]:
        """Every entry as a line of JSON, and the head that the record has there."""
        with self.read() as connection:
            yield from audit_file.export(connection)
