"""Taking jobs as soon as there are any, and asking little while there are none.

The library looks for the jobs of each kind in a rhythm of its own, with several queries a look.
Here one query asks about all kinds, often, and the library's thread for a kind is woken when there
is something new.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping

import sqlalchemy as sa
from dbos import DBOS
from dbos._queue import queue_worker_thread

from keyfuse_webhook.jobs.library import status_table

# Seconds between two questions: a job that was enqueued in another process waits no longer.
ASK = 0.2
# A question may take so much of the time, however many jobs there are.
_SHARE = 0.05
# While jobs wait for others of their line, or for room, they are looked for as often as that.
_LOOK = 1.0
# How often the library looks by itself. It is woken long before.
UNASKED = 60.0
_JOIN = 5.0
_WAITING, _RUNNING = "ENQUEUED", "PENDING"

_State = tuple[tuple[str, int, int], ...]


class Bell(threading.Event):
    """Tells a thread of the library to end, as its kind of event does, or to look now."""

    def __init__(self) -> None:
        super().__init__()
        self._rung = threading.Event()

    def ring(self) -> None:
        """End the current wait, or the next one if there is none."""
        self._rung.set()

    def set(self) -> None:
        """Tell the thread to end."""
        super().set()
        self._rung.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a ring or the end; True at the end."""
        if not self.is_set():
            self._rung.wait(timeout)
            self._rung.clear()
        return self.is_set()


class Taking:
    """Has the jobs of some kinds taken, each kind in a thread of its own.

    Args:
        url: Of the database.
        dbos: The library; it was told to look for no jobs itself.
        kinds: Which are known to it.
    """

    def __init__(self, url: str, dbos: DBOS, kinds: Collection[str]) -> None:
        self._url = url
        self._dbos = dbos
        self._bells = {kind: Bell() for kind in kinds}
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, once the library is launched; returns at once."""
        self._begin("job-watch", self._ask)
        for kind, bell in self._bells.items():
            queue = DBOS.retrieve_queue(kind)
            self._begin(f"take-{kind}", queue_worker_thread, bell, self._dbos, queue)

    def stop(self) -> None:
        """Take no more."""
        self._end.set()
        for bell in self._bells.values():
            bell.set()
        deadline = time.monotonic() + _JOIN
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _begin(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _ask(self) -> None:
        """Ring for whatever is new, until told to end."""
        watch, pause = Watch(self._url), ASK
        while not self._end.wait(pause):
            begun = time.monotonic()
            for kind in watch.calls(begun):
                if kind in self._bells:
                    self._bells[kind].ring()
            pause = max(ASK, (time.monotonic() - begun) / _SHARE)
        watch.close()


class Watch:
    """Tells for which kinds of job there is something to take.

    Args:
        url: Of the database.
    """

    def __init__(self, url: str) -> None:
        # One connection is kept, and a question leaves no transaction open.
        self._engine = sa.create_engine(url, pool_size=1, isolation_level="AUTOCOMMIT")
        table = status_table(url).c
        # Words in the query itself: only so SQLite finds the index over jobs that have not ended.
        unended: list[sa.ColumnClause[str]] = [
            sa.literal_column(f"'{status}'") for status in (_WAITING, _RUNNING)
        ]
        self._query = (
            sa.select(
                table.queue_name,
                table.status,
                sa.func.count(),
                sa.func.max(table.created_at),
            )
            .where(table.status.in_(unended))
            .group_by(table.queue_name, table.status)
        )
        self._seen: dict[str, _State] = {}
        self._called: dict[str, float] = {}

    def calls(self, now: float) -> Collection[str]:
        """The kinds to look for now.

        Args:
            now: Seconds, never turned back.

        Returns:
            Those of which a job waits, if anything about them has changed or it was a while ago;
            none where the database does not say, which it will another time.
        """
        try:
            states = self._states()
        except sa.exc.SQLAlchemyError:
            return ()
        waiting = {kind for kind, state in states.items() if state[0][0] == _WAITING}
        calls = [
            kind
            for kind in waiting
            if states[kind] != self._seen.get(kind) or now - self._called[kind] >= _LOOK
        ]
        self._called.update(dict.fromkeys(calls, now))
        self._seen = {kind: states[kind] for kind in waiting}
        return calls

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _states(self) -> Mapping[str, _State]:
        """How many jobs of each kind wait and run, and which is the youngest."""
        with self._engine.connect() as connection:
            rows = connection.execute(self._query).all()
        states: dict[str, _State] = {}
        for kind, status, number, youngest in sorted(tuple(row) for row in rows if row[0]):
            states[kind] = (*states.get(kind, ()), (status, number, youngest))
        return states
