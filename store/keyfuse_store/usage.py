"""Write-behind: what verification leaves behind, written within a second by a thread of its own.

Verification only appends to a queue. What is counted here is the past: a crash loses the last
second of it and nothing is ever counted twice. No statement of this module or of `usage_rows`
touches the state of a key, so nothing that is late can bring a revoked key back; the keys
themselves are written to only when one moves to a newer pepper.
"""

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from keyfuse_store import usage_rows
from keyfuse_store.database import Database
from keyfuse_store.errors import StoreError
from keyfuse_store.settings import Settings
from keyfuse_store.sinks import Call, Sink
from keyfuse_store.tally import Codes, Hours, count_calls, count_used
from keyfuse_store.times import DAY, SECOND, Clock
from keyfuse_store.usage_rows import Rehash

INTERVAL = 0.75
"""Seconds from one write to the next. A crash loses that, and what was being written."""
QUEUE_MAX = 1_000_000
"""Calls that may wait while a write is under way; beyond it the oldest are forgotten."""
BACKLOG_MAX = 100_000
"""Usage events kept for a sink that does not take them; beyond it the oldest are forgotten."""

# Of the last ticks; a thread that was interrupted on its way may still hold the one before.
_TICKS_OPEN = 2

PRUNE_INTERVAL = 3600.0
"""Seconds between two looks for what is too old to be kept."""
HOURS_DAYS = 400
"""Days for which statistics per hour are kept: a year can be compared with the one before."""

T = TypeVar("T")

_living: weakref.WeakSet["UsageLog"] = weakref.WeakSet()
log = logging.getLogger(__name__)


class UsageLog:
    """Collects calls and writes them behind.

    Args:
        database: Where statistics go.
        sink: Where events go.
        settings: Which calls are events, and for how many days they are kept.
        clock: Gives epoch microseconds.

    Attributes:
        used: Takes the id of a key for one valid call of cost 1, at the time of the last `tick`:
            the cheapest way to count, for the most frequent of calls.
        add: Takes any call.
        events: Whether calls are wanted as events, with or without a proven key. If so, each of
            them has to be added.
    """

    used: Callable[[str], None]
    add: Callable[[Call], None]
    _ticks: deque[tuple[int, deque[str]]]
    _calls: deque[Call]
    _events: deque[Call]
    _rehashes: dict[str, Rehash]
    _hours: Hours
    _codes: Codes
    _thread: threading.Thread | None
    _writing: threading.Lock
    _starting: threading.Lock

    def __init__(self, database: Database, sink: Sink, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._sink = sink
        self._recorded = settings.usage_events
        self._event_days = settings.usage_days
        self._clock = clock
        self.events = self._recorded != "off"
        self._closed = threading.Event()
        self._reset()
        _living.add(self)

    def tick(self, now: int) -> None:
        """Tell the time (epoch microseconds) at which `used` counts; about once a second."""
        with self._starting:
            # Of threads that tell the same second at once, one is enough: what `used` counts into
            # must not be among the ticks that are let go of.
            if not self._ticks or not 0 <= now - self._ticks[-1][0] < SECOND:
                key_ids: deque[str] = deque(maxlen=QUEUE_MAX)
                self._ticks.append((now, key_ids))
                self.used = key_ids.append
        self._start()

    def rehash(self, step: Rehash) -> None:
        """Have a proven key's digest replaced by the one under the newest pepper."""
        self._rehashes[step.key_id] = step
        self._start()

    def flush(self) -> None:
        """Write everything that was added before this call."""
        with self._writing:
            rehashes, self._rehashes = self._rehashes, {}
            self._count_used()
            self._count_calls()
            if self._codes:
                self._write(self._write_hours)
            if rehashes:
                self._write(lambda: self._rehash(list(rehashes.values())))
            if self._events:
                self._write(self._write_events)

    def prune(self) -> None:
        """Forget statistics and events that are older than they are kept."""
        now = self._clock()
        self._write(lambda: self._drop_hours(now - HOURS_DAYS * DAY))
        self._write(lambda: self._sink.prune(now - self._event_days * DAY))

    def close(self) -> None:
        """Write the rest and end the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()
        if len(self._events):
            log.warning("%d usage events are lost: nobody took them", len(self._events))

    def forget_parent(self) -> None:
        """After a fork: what waits is the parent's to write, and its thread is not here."""
        self._reset()

    def _reset(self) -> None:
        self._ticks = deque()
        self._calls = deque(maxlen=QUEUE_MAX)
        self._events = deque(maxlen=BACKLOG_MAX)
        self._rehashes = {}
        self._hours = {}
        self._codes = Codes()
        self._thread = None
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self.used = self._use_first
        self.add = self._add_first

    def _use_first(self, key_id: str) -> None:
        self.tick(self._clock())
        self.used(key_id)

    def _add_first(self, call: Call) -> None:
        self._calls.append(call)
        self._start()
        self.add = self._calls.append

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="keyfuse-usage", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        prune_at = 0.0
        pause = INTERVAL
        while not self._closed.wait(pause):
            begun = time.monotonic()
            self.flush()
            if begun >= prune_at:
                prune_at = begun + PRUNE_INTERVAL
                self.prune()
            # Between two writes there is room for others, however long they take.
            pause = max(INTERVAL - (time.monotonic() - begun), INTERVAL / 4)

    def _count_used(self) -> None:
        for at, key_ids in list(self._ticks):
            if key_ids:
                count_used(self._hours, self._codes, at, _drained(key_ids))
        while len(self._ticks) > _TICKS_OPEN:
            self._ticks.popleft()

    def _count_calls(self) -> None:
        calls = _drained(self._calls)
        count_calls(self._hours, self._codes, calls)
        if self._recorded == "all":
            self._keep(calls)
        elif self._recorded == "refusals":
            self._keep([call for call in calls if call.code != "valid"])

    def _keep(self, events: list[Call]) -> None:
        lost = len(self._events) + len(events) - BACKLOG_MAX
        if lost > 0:
            log.warning("%d usage events are lost: they come faster than they are taken", lost)
        self._events.extend(events)

    def _write_hours(self) -> None:
        with self._database.begin() as connection:
            usage_rows.add_hours(connection, self._hours)
            usage_rows.add_codes(connection, self._codes)
            # A commit may happen and yet be reported as failed: trying again could count twice.
            self._hours, self._codes = {}, Codes()

    def _drop_hours(self, before: int) -> None:
        with self._database.begin() as connection:
            usage_rows.drop_hours(connection, before)

    def _rehash(self, steps: list[Rehash]) -> None:
        with self._database.begin() as connection:
            usage_rows.rehash(connection, steps)

    def _write_events(self) -> None:
        self._sink.write(list(self._events))
        self._events.clear()

    def _write(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (StoreError, OSError) as error:
            log.warning("usage could not be written: %s", error)


def _drained(queue: deque[T]) -> list[T]:
    """What is in a queue, to which others go on adding."""
    return [queue.popleft() for _ in range(len(queue))]


def _forget_parents() -> None:
    for one in list(_living):
        one.forget_parent()


os.register_at_fork(after_in_child=_forget_parents)
