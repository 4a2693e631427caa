"""Quotas per calendar period, never over-spent by however many processes, nor by a crash.

A process takes a lease, a part of what is left, in one durable transaction, and spends it without
asking again. What it has leased counts as used: a process that is killed wastes the rest of its
lease, `lease_size` of the quota at most, and one that ends properly gives it back. Leases shrink
towards the end of a quota, so that little of it lies with a process that does not need it.
"""

import math
import os
import threading
import weakref
from dataclasses import dataclass

from sqlalchemy import Connection, select, text, update

from keyfuse_store.database import Database
from keyfuse_store.errors import WouldWait
from keyfuse_store.limits import Quota, Refusal, parse_quota
from keyfuse_store.periods import Period, period_of
from keyfuse_store.schema import quotas as table
from keyfuse_store.times import SECOND

NAME = "quota"

# A lease is this part of the quota at most, and this part of what is left of it.
_PART = 200
_PART_LEFT = 8
# Another process may give something back: an empty quota is looked at again after a second.
_EMPTY_FOR = SECOND

_MAKE = text(
    "INSERT INTO kf_quotas (key_id, unit, start, used) VALUES (:key_id, :unit, :start, 0) "
    "ON CONFLICT (key_id) DO NOTHING"
)
_living: weakref.WeakSet["Quotas"] = weakref.WeakSet()


def lease_size(quota: Quota, largest: int) -> int:
    """The most calls that one process holds of a quota, and that its crash can waste."""
    return max(1, min(largest, quota.calls // _PART))


@dataclass(slots=True)
class _Lease:
    """What this process may still spend of one key's quota."""

    text: str
    period: Period
    left: int
    # What was left of the quota elsewhere when it was last asked, and until when to believe it.
    elsewhere: int = 0
    empty_until: int = 0


class Quotas:
    """Spends quotas out of leases; safe to share between threads."""

    def __init__(self, database: Database, largest_lease: int) -> None:
        self._database = database
        self._largest = largest_lease
        self._leases: dict[str, _Lease] = {}
        self._lock = threading.Lock()
        _living.add(self)

    def take(
        self, key_id: str, text: str, cost: int, now: int, wait: bool = True
    ) -> Refusal | None:
        """Spend `cost` calls of a key's quota, or none if they are not all there.

        Args:
            key_id: Whose quota.
            text: The quota as it is stored.
            cost: How many calls this one counts for.
            now: Epoch microseconds.
            wait: Whether to wait for a lease.

        Raises:
            DatabaseError: a lease is needed and cannot be had.
            WouldWait: a lease is needed, and the caller does not wait for one.
        """
        if not self._lock.acquire(blocking=wait):
            raise WouldWait("another thread takes a lease")
        try:
            lease = self._leases.get(key_id)
            if lease is None or lease.text != text or not _holds(lease.period, now):
                lease = self._replace(key_id, lease, text, now, wait)
            if lease.left < cost and not self._extend(key_id, lease, cost, now, wait):
                fits = cost <= parse_quota(text).calls
                return Refusal(NAME, (lease.period.end - now) / SECOND if fits else math.inf)
            lease.left -= cost
        finally:
            self._lock.release()
        return None

    def give_back(self, key_id: str, text: str, cost: int, now: int) -> None:
        """Undo the `take` of this moment, whose call was refused for another reason."""
        with self._lock:
            lease = self._leases.get(key_id)
            # In a new period it has become worthless.
            if lease is not None and lease.text == text and _holds(lease.period, now):
                lease.left += cost

    def close(self) -> None:
        """Give back what is leased.

        Raises:
            DatabaseError: it cannot be given back; it is wasted then.
        """
        with self._lock:
            leases, self._leases = self._leases, {}
            if any(lease.left for lease in leases.values()):
                with self._database.begin() as connection:
                    for key_id, lease in sorted(leases.items()):
                        _return(connection, key_id, lease)

    def forget_parent(self) -> None:
        """After a fork: the leases are the parent's, who goes on spending them."""
        self._leases = {}
        self._lock = threading.Lock()

    def _replace(self, key_id: str, old: _Lease | None, text: str, now: int, wait: bool) -> _Lease:
        """A lease of nothing yet, for another period or another quota than before."""
        if old is not None and old.left and _holds(old.period, now):
            _may_write(wait)
            with self._database.begin() as connection:
                _return(connection, key_id, old)
        lease = _Lease(text, period_of(parse_quota(text).unit, now), 0)
        self._leases[key_id] = lease
        return lease

    def _extend(self, key_id: str, lease: _Lease, cost: int, now: int, wait: bool) -> bool:
        """Lease enough for `cost` more calls; false if there is not enough."""
        if now < lease.empty_until and cost > lease.left + lease.elsewhere:
            return False
        _may_write(wait)
        quota = parse_quota(lease.text)
        size = lease_size(quota, self._largest)
        with self._database.begin() as connection:
            used = _used(connection, key_id, lease.period)
            free = max(0, quota.calls - used)
            short = cost - lease.left
            granted = min(free, max(short, min(size, free // _PART_LEFT))) if short <= free else 0
            if granted:
                _write(connection, key_id, used + granted)
        lease.left += granted
        lease.elsewhere = free - granted
        lease.empty_until = 0 if granted else now + _EMPTY_FOR
        return granted > 0


def _may_write(wait: bool) -> None:
    if not wait:
        raise WouldWait("a lease has to be written")


def _holds(period: Period, now: int) -> bool:
    return period.start <= now < period.end


def _used(connection: Connection, key_id: str, period: Period) -> int:
    """How much of a quota is used in a period; the row is locked, and made if there is none."""
    row = select(table).where(table.c.key_id == key_id).with_for_update()
    found = connection.execute(row).one_or_none()
    if found is None:
        connection.execute(_MAKE, {"key_id": key_id, "unit": period.unit, "start": period.start})
        found = connection.execute(row).one()
    if found.unit == period.unit and found.start >= period.start:
        # A later start is that of a process whose clock is ahead: one count for both.
        return int(found.used)
    connection.execute(
        update(table)
        .where(table.c.key_id == key_id)
        .values(unit=period.unit, start=period.start, used=0)
    )
    return 0


def _write(connection: Connection, key_id: str, used: int) -> None:
    connection.execute(update(table).where(table.c.key_id == key_id).values(used=used))


def _return(connection: Connection, key_id: str, lease: _Lease) -> None:
    """Give back the rest of a lease, unless its period is over."""
    connection.execute(
        update(table)
        .where(
            table.c.key_id == key_id,
            table.c.unit == lease.period.unit,
            table.c.start == lease.period.start,
        )
        .values(used=table.c.used - lease.left)
    )
    lease.left = 0


def _forget_parents() -> None:
    for quotas in list(_living):
        quotas.forget_parent()


os.register_at_fork(after_in_child=_forget_parents)
