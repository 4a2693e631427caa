"""The SQL of write-behind: whole batches as one JSON text, so that each is one statement.

The driver lets go of the interpreter while a statement runs: ten thousand rows one by one would
hold up the threads that verify.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, select, text, update

from keyfuse_store.schema import keys
from keyfuse_store.tally import Codes, Counts, Hours
from keyfuse_store.usage_schema import code_hours, usage_hours

# Most keys of a moment have the same counts (one call each): :counts has each of them once, as
# [hour, valid, refused, spent, last], and :keys in the same place the keys that have them.
_HOUR_ROWS = {
    "sqlite": """
        WITH counted AS MATERIALIZED (
            SELECT key AS place, json_extract(value, '$[0]') AS hour,
                json_extract(value, '$[1]') AS valid, json_extract(value, '$[2]') AS refused,
                json_extract(value, '$[3]') AS spent, json_extract(value, '$[4]') AS last
            FROM json_each(:counts)),
        named AS (
            SELECT places.key AS place, ids.value AS key_id
            FROM json_each(:keys) AS places, json_each(places.value) AS ids)""",
    "postgresql": """
        WITH counted AS MATERIALIZED (
            SELECT place, CAST(value->>0 AS bigint) AS hour, CAST(value->>1 AS bigint) AS valid,
                CAST(value->>2 AS bigint) AS refused, CAST(value->>3 AS bigint) AS spent,
                CAST(value->>4 AS bigint) AS last
            FROM json_array_elements(CAST(:counts AS json))
                WITH ORDINALITY AS heads (value, place)),
        named AS (
            SELECT place, key_id
            FROM json_array_elements(CAST(:keys AS json))
                WITH ORDINALITY AS places (ids, place),
                json_array_elements_text(ids) AS key_id)""",
}
# Sorted: two processes that write the same rows must not lock them in different orders.
_ADD_HOURS = """
    {rows}
    INSERT INTO kf_usage_hours (hour, key_id, valid, refused, spent, last_used_at)
    SELECT hour, key_id, valid, refused, spent, nullif(last, 0)
    FROM named JOIN counted USING (place) WHERE true ORDER BY 1, 2
    ON CONFLICT (hour, key_id) DO UPDATE SET
        valid = kf_usage_hours.valid + excluded.valid,
        refused = kf_usage_hours.refused + excluded.refused,
        spent = kf_usage_hours.spent + excluded.spent,
        last_used_at = CASE
            WHEN excluded.last_used_at IS NULL
              OR excluded.last_used_at <= kf_usage_hours.last_used_at
            THEN kf_usage_hours.last_used_at ELSE excluded.last_used_at END"""
# A dozen rows at most, one after the other in the same order everywhere.
_ADD_CODE = text(
    "INSERT INTO kf_code_hours (hour, code, calls) VALUES (:hour, :code, :calls) "
    "ON CONFLICT (hour, code) DO UPDATE SET calls = kf_code_hours.calls + excluded.calls"
)


class Rehash(NamedTuple):
    """A digest under a newer pepper, for a key whose secret was just proven."""

    key_id: str
    old_version: int
    new_version: int
    digest: bytes


def add_hours(connection: Connection, hours: Hours) -> None:
    """Add counts to the statistics per key and hour."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for hour, of_keys in hours.items():
        by_counts: dict[Counts, list[str]] = {}
        for key_id, counts in of_keys.items():
            by_counts.setdefault(counts, []).append(key_id)
        alike.update({(hour, *counts): key_ids for counts, key_ids in by_counts.items()})
    statement = _ADD_HOURS.format(rows=_HOUR_ROWS[connection.dialect.name])
    rows = {"counts": json.dumps(list(alike)), "keys": json.dumps(list(alike.values()))}
    connection.execute(text(statement), rows)


def add_codes(connection: Connection, codes: Codes) -> None:
    """Add counts to the statistics per verdict and hour."""
    rows = [
        {"hour": hour, "code": code, "calls": calls}
        for (hour, code), calls in sorted(codes.items())
    ]
    connection.execute(_ADD_CODE, rows)


def rehash(connection: Connection, steps: Sequence[Rehash]) -> None:
    """Replace digests, each only if it is still the one that was proven."""
    free = select(keys.c.id).where(
        keys.c.id == bindparam("key"), keys.c.pepper_version == bindparam("old")
    )
    statement = (
        update(keys)
        .where(keys.c.id.in_(free.with_for_update(skip_locked=True)))
        .values(digest=bindparam("new_digest"), pepper_version=bindparam("new"))
    )
    connection.execute(
        statement,
        [
            {
                "key": step.key_id,
                "old": step.old_version,
                "new": step.new_version,
                "new_digest": step.digest,
            }
            for step in steps
        ],
    )


def drop_hours(connection: Connection, before: int) -> None:
    """Forget the statistics of hours that began before a moment, but never when a key was used.

    The hour in which a key was last used stays until there is a later one.
    """
    later = usage_hours.alias("later")
    used_later = exists().where(
        later.c.key_id == usage_hours.c.key_id,
        later.c.hour > usage_hours.c.hour,
        later.c.last_used_at.is_not(None),
    )
    connection.execute(
        delete(usage_hours).where(
            usage_hours.c.hour < before, usage_hours.c.last_used_at.is_(None) | used_later
        )
    )
    connection.execute(delete(code_hours).where(code_hours.c.hour < before))
