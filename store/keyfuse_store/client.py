"""A client of the management API with the methods of `KeyStore`.

    with ManagementClient("https://keys.example.com", Secret(key)) as keys:
        issued = keys.issue(prefix="acme_live", owner="owner@example.com")

The values are those of the store, and so are the errors. Who made a change is written down by the
server: it is the management key, from the address that it came from.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from keyfuse_rules.secret import Secret
from keyfuse_store import audit_file, wire, wire_leaks
from keyfuse_store.audit import AuditEntry
from keyfuse_store.chain import ChainReport, Head, parse_head
from keyfuse_store.client_base import missing, moment, path_part
from keyfuse_store.client_keys import ClientKeys
from keyfuse_store.client_make import MakesKeys
from keyfuse_store.connection import Connection
from keyfuse_store.errors import LeakNotFound, OwnerNotFound, ServerError
from keyfuse_store.leaks import Leak, LeakState
from keyfuse_store.model import Owner
from keyfuse_store.times import Clock, system_clock

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

_LINES = 5000


class ManagementClient(MakesKeys, ClientKeys):
    """Manages keys, owners, leaks, the audit record and jobs of a server.

    Args:
        server: Its address.
        key: A management key.
        transport: What carries the requests; the network by default.
        clock: The present time in epoch microseconds.
        token_bytes: The random source, for idempotency keys.

    Raises:
        SettingsError: the address is none, or would send the key in clear.
    """

    def __init__(
        self,
        server: str,
        key: Secret,
        *,
        transport: "httpx.BaseTransport | None" = None,
        clock: Clock = system_clock,
        token_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        super().__init__(Connection(server, key, transport=transport), token_bytes)
        self.clock = clock

    def add_owner(self, email: str, *, name: str = "") -> Owner:
        """Add an owner; see `KeyStore.add_owner`."""
        body = {"email": email, "name": name}
        return self._server.send("POST", "/v1/owners", body, wire.OwnerWire).value()

    def owner(self, owner: str) -> Owner:
        """The owner with this id or mail address; see `KeyStore.owner`."""
        with missing(OwnerNotFound(owner)):
            return self._server.get(f"/v1/owners/{path_part(owner)}", wire.OwnerWire).value()

    def owners(
        self, *, search: str | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[Owner]:
        """A page of owners; see `KeyStore.owners`."""
        found = self._server.get(
            "/v1/owners", wire.OwnerPage, search=search, after=after, limit=limit
        )
        return [one.value() for one in found.owners]

    def leaks(
        self,
        *,
        owner: str | None = None,
        state: LeakState | None = None,
        after: str | None = None,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[Leak]:
        """A page of incidents; see `KeyStore.leaks`."""
        found = self._server.get(
            "/v1/leaks",
            wire_leaks.LeakPage,
            owner=owner,
            state=state,
            after=after,
            sort=_sort(newest_first),
            limit=limit,
        )
        return [one.value() for one in found.leaks]

    def leak(self, leak_or_key: str) -> wire_leaks.IncidentWire:
        """An incident whole, as its JSON; see `KeyStore.leak`."""
        with missing(LeakNotFound(leak_or_key)):
            return self._server.get(f"/v1/leaks/{path_part(leak_or_key)}", wire_leaks.IncidentWire)

    def entries(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        since: "datetime | None" = None,
        after: int | None = None,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """A page of the audit record; see `KeyStore.entries`."""
        found = self._server.get(
            "/v1/audit",
            wire.EntryPage,
            subject=subject,
            action=action,
            actor=actor,
            since=moment("since", since),
            after=after,
            sort=_sort(newest_first),
            limit=limit,
        )
        return [one.value() for one in found.entries]

    def verify_record(self, heads: Sequence[Head] = ()) -> tuple[ChainReport, Head | None]:
        """Have the whole audit record recomputed, part by part; see `KeyStore.verify_record`."""
        noted = [str(head) for head in heads]
        start: str | None = None
        while True:
            part = self._server.send(
                "POST", "/v1/audit/verify", {"from": start, "heads": noted}, wire.ChainWire
            )
            if part.next is None:
                end = None if part.end is None else parse_head(part.end)
                return ChainReport(part.checked, part.problem), end
            if part.next == start:
                raise ServerError("the server verifies the same part of the record for ever")
            start = part.next

    def export_record(self) -> Iterator[tuple[str, Head]]:
        """Every entry as a line of JSON, and the head there; see `KeyStore.export_record`."""
        after = 0
        while True:
            query = {"after": after, "limit": _LINES}
            text = self._server.text("GET", "/v1/audit/export", query=query).decode(
                "utf-8", "replace"
            )
            lines = text.splitlines()
            for line, entry in zip(lines, audit_file.read(lines), strict=True):
                seq, mac = entry["seq"], entry["mac"]
                if not isinstance(seq, int) or not isinstance(mac, bytes) or seq <= after:
                    raise ServerError("the server exports entries out of their order")
                after = seq
                yield line, Head(seq, mac)
            if not lines:
                return

    def jobs(
        self,
        *,
        states: Sequence[str] = (),
        kind: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[wire.JobWire]:
        """A page of jobs, the youngest first."""
        found = self._server.get(
            "/v1/jobs",
            wire.JobPage,
            state=",".join(states) or None,
            kind=kind,
            after=after,
            limit=limit,
        )
        return found.jobs

    def job(self, job: str) -> wire.JobWire:
        """One job."""
        return self._server.get(f"/v1/jobs/{path_part(job)}", wire.JobWire)

    def retry(self, job: str) -> wire.JobWire:
        """Run a job again that ended badly; the job as it stands then.

        Raises:
            StateConflict: it has not ended badly.
        """
        return self._server.send("POST", f"/v1/jobs/{path_part(job)}/retry", {}, wire.JobWire)

    def close(self) -> None:
        """Let go of the network."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sort(newest_first: bool) -> str:
    return "newest" if newest_first else "oldest"
