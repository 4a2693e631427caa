"""What the command line does to keys, owners, leaks and the record, wherever they are.

`KeyStore` does it to a database, `client.ManagementClient` to a server; both say how.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from keyfuse_store.audit import AuditEntry
from keyfuse_store.chain import ChainReport, Head
from keyfuse_store.changes import KeyChanges
from keyfuse_store.errors import InvalidField
from keyfuse_store.importing import Adopted, OldKey
from keyfuse_store.leaks import Leak, LeakState
from keyfuse_store.listing import Sort, Standing
from keyfuse_store.model import Issued, Key, Owner, Rotated
from keyfuse_store.times import Clock
from keyfuse_store.usage_history import Usage
from keyfuse_store.verdict import Verdict


class Shown(Protocol):
    """Something that programs can see."""

    def as_json(self) -> dict[str, object]:
        """As they see it."""
        ...


class Management(Protocol):
    """See `KeyStore` for each method."""

    clock: Clock

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
    ) -> Issued: ...

    def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta = ...,
        expires_at: datetime | None = None,
        expires_in: timedelta | None = None,
    ) -> Rotated: ...

    def check_keys(self, old: Sequence[OldKey]) -> Sequence[tuple[int, InvalidField]]: ...

    def import_keys(self, old: Sequence[OldKey]) -> Adopted: ...

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
    ) -> Sequence[Key]: ...

    def get(self, key_id: str) -> Key: ...

    def usage(self, key_id: str, *, since: datetime | None = None, limit: int = 100) -> Usage: ...

    def change(self, key_id: str, changes: KeyChanges) -> Key: ...

    def revoke(
        self, key_id: str, *, reason: str, evidence: Mapping[str, object] | None = None
    ) -> Key: ...

    def suspend(self, key_id: str, *, reason: str) -> Key: ...

    def resume(self, key_id: str) -> Key: ...

    def verify(
        self,
        token: str,
        *,
        scopes: Sequence[str] = (),
        any_of: Sequence[str] = (),
        resource: str | None = None,
        client_address: str | None = None,
    ) -> Verdict: ...

    def add_owner(self, email: str, *, name: str = "") -> Owner: ...

    def owner(self, owner: str) -> Owner: ...

    def owners(
        self, *, search: str | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[Owner]: ...

    def leaks(
        self, *, state: LeakState | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[Leak]: ...

    def leak(self, leak_or_key: str) -> Shown: ...

    def entries(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> Sequence[AuditEntry]: ...

    def verify_record(self, heads: Sequence[Head] = ()) -> tuple[ChainReport, Head | None]: ...

    def export_record(self) -> Iterator[tuple[str, Head]]: ...

    def close(self) -> None: ...
