"""One worker per database: a lock that dies with its process.

The job library takes up what an executor of the same name left behind when it starts. Two
live workers under one name would therefore run each other's jobs a second time.
"""

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import IO

import sqlalchemy as sa

# Any number of ours that other users of the same PostgreSQL are unlikely to lock.
_ADVISORY_KEY = 0x6B65796675736531


class WorkerLock:
    """The right to run the jobs of one database; released by `release` or by dying."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._file: IO[str] | None = None
        self._connection: sa.Connection | None = None

    def acquire(self) -> bool:
        """Take the lock if nobody has it; never waits."""
        if self._url.get_backend_name() == "sqlite":
            return self._acquire_file()
        return self._acquire_advisory()

    def release(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            with suppress(sa.exc.SQLAlchemyError):
                self._connection.close()
                self._connection.engine.dispose()
            self._connection = None

    def _acquire_file(self) -> bool:
        path = Path(f"{self._url.database}.worker-lock")
        file = path.open("a", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def _acquire_advisory(self) -> bool:
        connection = sa.create_engine(self._url, isolation_level="AUTOCOMMIT").connect()
        query = sa.select(sa.func.pg_try_advisory_lock(_ADVISORY_KEY))
        if not connection.scalar(query):
            connection.close()
            connection.engine.dispose()
            return False
        self._connection = connection
        return True
