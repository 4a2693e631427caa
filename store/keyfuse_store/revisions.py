"""Which version of the schema a database has, and how it gets to ours.

Alembic is imported only when there is something to upgrade: it costs more than half a second.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from keyfuse_store.database import Database
from keyfuse_store.errors import DatabaseOutdated, DatabaseTooNew, Deadlocked

REVISIONS = tuple(f"{number:04}" for number in range(1, 12))
"""Every revision this code knows, oldest first; a test compares them with the migrations."""

VERSION_TABLE = "kf_alembic_version"
_SCRIPTS = Path(__file__).with_name("migrations")
# Any number will do; it keeps two processes from upgrading one PostgreSQL database at once.
_ADVISORY_LOCK = 0x6B66_0001
_DEADLOCKS = 3


def revision(connection: Connection) -> str | None:
    """The revision of a database; None where keyfuse has no tables yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant of ours
    return found


def check(database: Database) -> None:
    """Make sure this code fits the database.

    Raises:
        DatabaseTooNew: a newer keyfuse wrote it.
        DatabaseOutdated: it needs `keyfuse db upgrade`.
    """
    with database.read() as connection:
        found = revision(connection)
    _refuse_newer(database, found)
    if found != REVISIONS[-1]:
        raise DatabaseOutdated(
            f"database {database.place} has schema {found or 'none'}, this keyfuse needs "
            f"{REVISIONS[-1]}; run `keyfuse db upgrade`"
        )


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring a database to our revision; does nothing where it is there already.

    Returns:
        The revisions before and after.

    Raises:
        DatabaseTooNew: a newer keyfuse wrote it.
    """
    with database.read() as connection:
        found = revision(connection)
    if found != REVISIONS[-1]:
        _refuse_newer(database, found)
        migrate(database, "head")
    return found, REVISIONS[-1]


def migrate(database: Database, target: str) -> None:
    """Run the migrations up or down to `target` (a revision, `head` or `base`) in one transaction.

    Services go on meanwhile: on PostgreSQL one may hold a table that is wanted here, and want one
    that is held here. Whoever is ended then does it again.

    Raises:
        DatabaseTooNew: another process with a newer keyfuse came first.
    """
    for _ in range(_DEADLOCKS):
        try:
            return _migrate(database, target)
        except Deadlocked:
            continue
    return _migrate(database, target)


def _migrate(database: Database, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with database.begin() as connection:
        if not database.embedded:
            _wait_for_turn(connection)
        found = revision(connection)
        _refuse_newer(database, found)
        config.attributes["connection"] = connection
        order = ("base", *REVISIONS)
        aim = REVISIONS[-1] if target == "head" else target
        rise = order.index(aim) - order.index(found or "base")
        if rise:
            (command.upgrade if rise > 0 else command.downgrade)(config, aim)


def _wait_for_turn(connection: Connection) -> None:
    """Let one process at a time migrate PostgreSQL; only this wait has no bound.

    The migration itself gives up on a table that stays locked: while it waits for one, every
    verification would wait behind it.
    """
    patience = connection.scalar(text("SHOW lock_timeout"))
    set_patience = text("SELECT set_config('lock_timeout', :patience, true)")
    connection.execute(set_patience, {"patience": "0"})
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    connection.execute(set_patience, {"patience": patience})


def _refuse_newer(database: Database, found: str | None) -> None:
    if found is not None and found not in REVISIONS:
        raise DatabaseTooNew(
            f"database {database.place} was written by a newer keyfuse (schema {found}, this one "
            f"knows {REVISIONS[-1]}); install that version"
        )
