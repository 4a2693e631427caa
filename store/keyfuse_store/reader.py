"""The hot path's SQL: one SELECT, compiled once, run on a driver connection held per thread.

Every call reads the row anew, so what any process has committed is what the next verification
sees. Only the address of an owner is kept once it was read: it never changes, and the id it goes
by is given to nobody else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from keyfuse_store.database import Database
from keyfuse_store.errors import DatabaseError, KeyNotFound
from keyfuse_store.held import PerThread, Statement
from keyfuse_store.keys import address_lookup, grant_lookup, holder_lookup, lookup
from keyfuse_store.model import Key

ADDRESSES = 65_536
"""Addresses that are kept, of some hundred bytes each."""

Row = tuple[Any, ...]
_Fetch = Callable[[str], Row | None]


class _Fetches(NamedTuple):
    grant: _Fetch
    holder: _Fetch
    key: _Fetch
    address: _Fetch


class KeyReader:
    """Reads the row of a key by its id, after its digest and pepper version.

    After them come the fields of `model.Grant` or `model.Holder` but id, prefix and owner, or all
    those of `model.Key`.
    """

    def __init__(self, database: Database) -> None:
        wanted = (grant_lookup(), holder_lookup(), lookup(), address_lookup())
        self._statements = [Statement(database, statement) for statement in wanted]
        self._database = database
        self._driver_error = database.driver_error
        self._held = PerThread(database, database.hold, self._fetches)
        self._generation = database.generation
        self._addresses: dict[str, str] = {}

    def grant(self, key_id: str) -> Row | None:
        """What decides about a call, or None where there is no such key.

        Raises:
            DatabaseError: neither the held connection nor a new one can read it.
        """
        try:
            return self._held.local.value.grant(key_id)  # type: ignore[no-any-return]  # local
        except (AttributeError, self._driver_error):
            # No connection yet, or a dead one.
            return self._anew(lambda fetches: fetches.grant(key_id))

    def holder(self, key_id: str) -> Row | None:
        """The same and, last, the id of the key's owner; raises as `grant` does."""
        try:
            return self._held.local.value.holder(key_id)  # type: ignore[no-any-return]  # local
        except (AttributeError, self._driver_error):
            return self._anew(lambda fetches: fetches.holder(key_id))

    def address(self, owner_id: str) -> str:
        """The mail address of a key's owner; raises as `grant` does."""
        return self._addresses.get(owner_id) or self._read_address(owner_id)

    def key(self, key_id: str) -> Key:
        """The key with this id; raises as `grant` does.

        Raises:
            KeyNotFound: there is none.
        """
        try:
            row = self._held.local.value.key(key_id)
        except (AttributeError, self._driver_error):
            row = self._anew(lambda fetches: fetches.key(key_id))
        if row is None:
            raise KeyNotFound(key_id)
        return Key(*row[2:])

    def recheck(self) -> None:
        """Notice a file that was deleted or replaced; to be called about once a second.

        Raises:
            DatabaseVanished: there is no file any more.
        """
        try:
            self._database.check_place()
        finally:
            if self._generation != self._database.generation:
                self._generation = self._database.generation
                self._held.forget()

    def close(self) -> None:
        """Close every thread's connection."""
        self._held.close()

    def _read_address(self, owner_id: str) -> str:
        try:
            row = self._held.local.value.address(owner_id)
        except (AttributeError, self._driver_error):
            row = self._anew(lambda fetches: fetches.address(owner_id))
        if row is None:
            raise DatabaseError(f"owner {owner_id} of a key that was just read is gone")
        if len(self._addresses) >= ADDRESSES:
            self._addresses.clear()
        address: str = row[0]
        self._addresses[owner_id] = address
        return address

    def _anew(self, fetch: Callable[[_Fetches], Row | None]) -> Row | None:
        fetches = self._held.renew()
        with self._database.named_errors():
            return fetch(fetches)

    def _fetches(self, driver: Any) -> _Fetches:
        return _Fetches(*(_fetch(driver, statement) for statement in self._statements))


def _fetch(driver: Any, statement: Statement) -> _Fetch:
    """The shortest way from an id to a row that each driver offers."""
    cursor = driver.cursor()
    execute, fetchone, sql = cursor.execute, cursor.fetchone, statement.sql

    def fetch(wanted: str) -> Row | None:
        execute(sql, (wanted,))
        row: Row | None = fetchone()
        return row

    def fetch_prepared(wanted: str) -> Row | None:
        execute(sql, {"id": wanted}, prepare=True)
        row: Row | None = fetchone()
        return row

    return fetch_prepared if statement.order is None else fetch
