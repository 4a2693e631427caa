"""A worker's sign of life: a lock on its name that the system lets go of when it dies.

On PostgreSQL an advisory lock of a session, on SQLite a lock on a file beside the database. Names
are never used twice, so a name that nobody holds is that of a worker that is gone.
"""

import fcntl
import hashlib
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

import sqlalchemy as sa

_CONNECT_TIMEOUT = 5
# The server notices in some fifteen seconds, not in two hours, that a worker's machine is gone.
_KEEPALIVES = ("tcp_keepalives_idle = 5", "tcp_keepalives_interval = 3", "tcp_keepalives_count = 3")


class Presence(Protocol):
    """The name and the lock of one worker.

    Attributes:
        id: Its name, never used before.
        patience: Seconds for which a name has to be free before its worker counts as gone: a
            session may break while its worker lives, and that worker shall notice first.
    """

    id: str
    patience: float

    def holds(self) -> bool:
        """Tell whether the lock is still ours; one that was lost is lost for good."""

    def claim(self, name: str) -> AbstractContextManager[bool]:
        """Hold another worker's name inside the block; False if that worker holds it."""

    def leave(self) -> None:
        """Let go of the name."""


def open_presence(url: str) -> Presence:
    """Take a new name and lock it.

    Raises:
        OSError, SQLAlchemyError: The lock cannot be had now.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return FilePresence(Path(f"{parsed.database}.workers"))
    return SessionPresence(parsed)


class FilePresence:
    """A locked file in a folder beside the database."""

    patience = 0.0

    def __init__(self, folder: Path) -> None:
        self.id = _new_name()
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        file = _locked(folder / self.id)
        if file is None:
            raise OSError(f"the new file {folder / self.id} is locked by somebody else")
        self._file = file

    def holds(self) -> bool:
        """False where somebody has removed the file: others would lock a new one."""
        try:
            return os.path.samestat((self._folder / self.id).stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Hold another worker's name inside the block; False if that worker holds it."""
        path = self._folder / name
        file = _locked(path)
        try:
            yield file is not None
        finally:
            if file is not None:
                path.unlink(missing_ok=True)
                file.close()

    def leave(self) -> None:
        """Let go of the name."""
        (self._folder / self.id).unlink(missing_ok=True)
        self._file.close()


class SessionPresence:
    """An advisory lock of a session of its own, in the database itself."""

    patience = 2.0

    def __init__(self, url: sa.URL) -> None:
        self.id = _new_name()
        self._engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
            connect_args={"connect_timeout": _CONNECT_TIMEOUT},
        )
        self._session = self._engine.connect()
        for setting in _KEEPALIVES:
            self._session.execute(sa.text(f"SET {setting}"))
        if not self._lock(self.id):
            raise OSError("a worker's new name is locked by somebody else")

    def holds(self) -> bool:
        """False where the session has ended."""
        try:
            self._session.execute(sa.select(1))
        except sa.exc.SQLAlchemyError:
            return False
        return True

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Hold another worker's name inside the block; False if that worker holds it."""
        free = self._lock(name)
        try:
            yield free
        finally:
            if free:
                self._session.scalar(sa.select(sa.func.pg_advisory_unlock(_number(name))))

    def leave(self) -> None:
        """Let go of the name."""
        with suppress(sa.exc.SQLAlchemyError):
            # At once: the server takes its time to end a session.
            self._session.scalar(sa.select(sa.func.pg_advisory_unlock_all()))
        with suppress(sa.exc.SQLAlchemyError):
            self._session.close()
        self._engine.dispose()

    def _lock(self, name: str) -> bool:
        return bool(self._session.scalar(sa.select(sa.func.pg_try_advisory_lock(_number(name)))))


def _new_name() -> str:
    """Machine and process, for whoever reads it, and what makes it unique."""
    host = re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower())[:40]
    return f"{host}.{os.getpid()}.{secrets.token_hex(6)}"


def _locked(path: Path) -> IO[str] | None:
    file = path.open("a", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _number(name: str) -> int:
    """What PostgreSQL locks is a number of 64 bits."""
    digest = hashlib.sha256(f"keyfuse worker {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
