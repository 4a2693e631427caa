"""How DBOS is set up here, the same for whoever enqueues jobs and whoever runs them."""

import logging
from collections.abc import Iterable
from typing import Any, NoReturn

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from dbos._serialization import DefaultSerializer

from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.old_sqlite import teach_fractions_of_seconds

APPLICATION = "keyfuse"
# Raise only when the order of the steps of a job changes incompatibly.
APPLICATION_VERSION = "1"
# Its tables are in a schema of their own on PostgreSQL, and beside ours on SQLite.
SCHEMA = "dbos"
_COLUMNS = (
    "workflow_uuid",
    "name",
    "status",
    "queue_name",
    "queue_partition_key",
    "executor_id",
    "created_at",
)


class JobsUnavailable(WebhookError):
    """The database cannot hold jobs just now."""


class Ended(Exception):
    """Root of what a job raises to end as a dead letter; the library keeps class and message."""


class Undeliverable(Ended):
    """Nobody could be told."""


class Failed(Ended):
    """It cannot be done."""


def open_client(url: str) -> DBOSClient:
    """A client of the job tables, which are made or migrated on the way.

    Raises:
        JobsUnavailable: The database does not let them be made.
    """
    try:
        DBOS.migrate(url)
        return DBOSClient(
            system_database_url=url,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
        )
    except sa.exc.SQLAlchemyError as error:
        raise JobsUnavailable(
            f"the job tables cannot be made in the database: {type(error).__name__}"
        ) from None


def configuration(url: str, executor_id: str) -> DBOSConfig:
    """What an executor is started with."""
    return {
        "name": APPLICATION,
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor_id,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
        # Seconds. Jobs send each other nothing, so whoever would pass it on need not look often.
        "notification_coalesce_sec": 0.1,
    }


def status_table(url: str) -> sa.TableClause:
    """The library's table of jobs, with the columns that are used here without it."""
    schema = None if sa.make_url(url).get_backend_name() == "sqlite" else SCHEMA
    columns: Iterable[sa.ColumnClause[Any]] = map(sa.column, _COLUMNS)
    return sa.table("workflow_status", *columns, schema=schema)


def _refuse_pickle(_serializer: object, _text: str) -> NoReturn:
    raise TypeError("a row of the job tables holds a pickle, which keyfuse never writes")


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """A dead letter is logged by us, in one line."""
    return not (record.exc_info and isinstance(record.exc_info[1], Ended))


# No setting turns it off; a test plants such a row and sees that it does nothing.
DefaultSerializer.deserialize = _refuse_pickle  # type: ignore[method-assign, assignment]  # it is never to return
logging.getLogger("dbos").addFilter(_is_worth_a_line)
# With a handler present it adds none of its own, which would go round ours.
logging.getLogger("dbos").addHandler(logging.NullHandler())
teach_fractions_of_seconds()
