"""The door to the store: one object that an API holds for as long as it runs."""

import os
from collections.abc import Callable, Sequence
from typing import Self

from keyfuse_rules.secret import Secret
from keyfuse_store import revisions
from keyfuse_store.allowance import Allowance
from keyfuse_store.audit import note_head
from keyfuse_store.database import Database, open_database
from keyfuse_store.errors import WouldWait
from keyfuse_store.keystore_change import ChangesKeys
from keyfuse_store.keystore_make import MakesKeys
from keyfuse_store.keystore_read import ReadsKeys
from keyfuse_store.keystore_records import ReadsRecords
from keyfuse_store.legacy_lookup import LegacyLookup
from keyfuse_store.opening import PepperSource, open_ring
from keyfuse_store.peppers import PepperRing
from keyfuse_store.quotas import Quotas
from keyfuse_store.rates import open_rates
from keyfuse_store.reader import KeyReader
from keyfuse_store.settings import Settings
from keyfuse_store.sinks import open_sink
from keyfuse_store.times import Clock, system_clock
from keyfuse_store.usage import UsageLog
from keyfuse_store.verdict import Verdict
from keyfuse_store.verify import Verifier


class KeyStore(MakesKeys, ChangesKeys, ReadsKeys, ReadsRecords):
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
        *,
        actor: str = "api",
    ) -> None:
        super().__init__(database, ring, settings, clock, token_bytes, actor=actor)
        self._waits = not database.embedded or settings.limits != "process"
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
        actor: str = "api",
    ) -> Self:
        """Open a store. An embedded SQLite database is made or upgraded on the way.

        Args:
            url: `sqlite:///FILE` or `postgresql+psycopg://…`; default is from the settings.
            peppers: `{version: bytes}`, a ring, or `1:base64,…`; default is from the settings.
            settings: Default is what the environment says.
            clock: Gives epoch microseconds.
            token_bytes: The random source.
            actor: Who makes the changes, where nothing else is said with one.

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
            return cls(database, ring, settings, clock, token_bytes, actor=actor)
        except BaseException:
            database.close()
            raise

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
        wait: bool = True,
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
            wait: Whether the answer may take its time. Where it would have to wait for a network
                or for another writer, an event loop asks again in a thread.

        Returns:
            The verdict; a database or pepper that is gone is `unavailable`, never an exception.

        Raises:
            InvalidField: the question itself is malformed.
            WouldWait: the answer takes its time, and `wait` is False; nothing was consumed.
        """
        if self._waits and not wait:
            raise WouldWait("the database or the limits are not in this process")
        question = (scopes, any_of, resource, client_address, cost, user_agent)
        return self._verify(token, question, holder, wait)

    def flush(self) -> None:
        """Write the usage of this process that is still waiting, instead of within a second."""
        self._usage.flush()

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
