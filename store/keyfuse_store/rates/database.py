"""Rate limits for all processes on one database.

Each call locks the row of its key: calls of one key stand in line, those of different keys do
not (SQLite has one line for all). A power cut may forget the last calls; the counters are not
worth an fsync each.
"""

from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, select, text, update

from keyfuse_store.database import Database
from keyfuse_store.errors import DatabaseError
from keyfuse_store.held import PerThread, Statement
from keyfuse_store.limits import Refusal, admit, parse_rates
from keyfuse_store.rates.interface import RatesUnavailable
from keyfuse_store.schema import rates as table

_KEY: BindParameter[str] = bindparam("key")
_READ = select(table.c.limits, table.c.arrivals).where(table.c.key_id == _KEY).with_for_update()
# Both databases understand this; SQLAlchemy has no common form of it.
_MAKE = text(
    "INSERT INTO kf_rates (key_id, limits, arrivals) VALUES (:key, '', '') "
    "ON CONFLICT (key_id) DO NOTHING"
)
_WRITE = (
    update(table)
    .where(table.c.key_id == _KEY)
    .values(limits=bindparam("new_limits"), arrivals=bindparam("new_arrivals"))
)


class _Call(NamedTuple):
    key_id: str
    text: str
    cost: int
    now: int
    end: str


class DatabaseRates:
    """Keeps the arrivals of each key in its row of `kf_rates`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held = PerThread(database, database.hold_counter, lambda driver: driver)
        self._generation = database.generation
        self._begin = "BEGIN IMMEDIATE" if database.embedded else "BEGIN"
        self._read, self._make, self._write = (
            Statement(database, statement) for statement in (_READ, _MAKE, _WRITE)
        )

    def take(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """See `Rates.take`."""
        return self._on_a_living_connection(_Call(key_id, text, cost, now, "COMMIT"))

    def look(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """See `Rates.look`."""
        return self._on_a_living_connection(_Call(key_id, text, cost, now, "ROLLBACK"))

    def close(self) -> None:
        """Close every thread's connection."""
        self._held.close()

    def _on_a_living_connection(self, call: "_Call") -> Refusal | None:
        if self._generation != self._database.generation:
            self._generation = self._database.generation
            self._held.forget()
        driver = getattr(self._held.local, "value", None)
        if driver is not None:
            try:
                return self._run(driver, call)
            except self._database.driver_error:
                # Dead, or locked for too long; one more try tells which.
                pass
        try:
            with self._database.named_errors():
                return self._run(self._held.renew(), call)
        except DatabaseError as error:
            raise RatesUnavailable(str(error)) from None

    def _run(self, driver: Any, call: "_Call") -> Refusal | None:
        rates = parse_rates(call.text)
        driver.execute(self._begin)
        try:
            limits, arrivals = self._row(driver, call.key_id)
            known = arrivals.split() if limits == call.text else "0" * len(rates)
            outcome = admit(rates, [int(arrival) for arrival in known], call.cost, call.now)
            if isinstance(outcome, Refusal):
                driver.execute("ROLLBACK")
                return outcome
            after = " ".join(map(str, outcome))
            values = {"key": call.key_id, "new_limits": call.text, "new_arrivals": after}
            self._write.run(driver, values)
            driver.execute(call.end)
        except BaseException:
            self._abandon(driver)
            raise
        return None

    def _row(self, driver: Any, key_id: str) -> tuple[str, str]:
        """The row of a key, locked; made if it is the first time."""
        found: tuple[str, str] | None = self._read.run(driver, {"key": key_id}).fetchone()
        if found is None:
            self._make.run(driver, {"key": key_id})
            found = self._read.run(driver, {"key": key_id}).fetchone()
        assert found is not None
        return found

    def _abandon(self, driver: Any) -> None:
        try:
            driver.execute("ROLLBACK")
        except self._database.driver_error:
            driver.close()
