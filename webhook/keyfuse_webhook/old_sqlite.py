"""Make the job library run on SQLite before 3.42, as Debian 12 has it.

On Python 3.12 and newer DBOS takes its times from `unixepoch('subsec')`, whatever the SQLite;
older ones answer NULL, which its tables refuse. Its statements run on connections of ours, too:
a job is enqueued in the transaction that makes it necessary.
"""

import sqlite3
import time

from sqlalchemy import Engine, event

_FIRST_WITH_FRACTIONS = (3, 42)


def teach_fractions_of_seconds() -> None:
    """From now on every SQLite connection of this process knows `unixepoch('subsec')`."""
    if sqlite3.sqlite_version_info < _FIRST_WITH_FRACTIONS:
        event.listen(Engine, "connect", _teach)


def _teach(driver: object, _record: object) -> None:
    if isinstance(driver, sqlite3.Connection):
        driver.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(modifier: str) -> float | None:
    return time.time() if modifier == "subsec" else None
