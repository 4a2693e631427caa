"""Find the peppers of a database when it is opened."""

import os
from collections.abc import Callable, Mapping

from keyfuse_store import peppers
from keyfuse_store.database import Database
from keyfuse_store.errors import PepperError
from keyfuse_store.peppers import PepperRing
from keyfuse_store.settings import Settings

PepperSource = PepperRing | Mapping[int, bytes] | str | None

PEPPER_FILE = "peppers"


def open_ring(
    database: Database,
    settings: Settings,
    source: PepperSource,
    at: int,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> PepperRing:
    """The peppers for a database, checked against it; new versions are registered there.

    Raises:
        PepperError: there are none, or they are not those of this database.
    """
    with database.read() as connection:
        known = peppers.registered(connection)
    ring = _ring(database, settings, source, bool(known), token_bytes)
    # Opening a store must not wait for the write lock when there is nothing to write.
    if peppers.unregistered(ring, known):
        with database.begin() as connection:
            peppers.register(connection, ring, at)
    return ring


def configured_ring(settings: Settings) -> PepperRing | None:
    """The peppers that the settings name or the home has, without asking any database.

    Raises:
        PepperError: they cannot be read.
    """
    if settings.peppers is not None:
        return peppers.parse_peppers(settings.peppers.reveal(), "KEYFUSE_PEPPERS")
    if settings.pepper_file is not None:
        return peppers.read_file(settings.pepper_file)
    path = settings.home / PEPPER_FILE
    return peppers.read_file(path) if path.exists() else None


def _ring(
    database: Database,
    settings: Settings,
    source: PepperSource,
    in_use: bool,
    token_bytes: Callable[[int], bytes],
) -> PepperRing:
    if isinstance(source, PepperRing):
        return source
    if isinstance(source, str):
        return peppers.parse_peppers(source, "peppers")
    if source is not None:
        return PepperRing(source)
    configured = configured_ring(settings)
    if configured is not None:
        return configured
    path = settings.home / PEPPER_FILE
    if not database.embedded:
        raise PepperError("peppers: PostgreSQL needs KEYFUSE_PEPPERS or KEYFUSE_PEPPER_FILE")
    if in_use:
        raise PepperError(
            f"the peppers of {database.place} are gone: {path} is missing; "
            "restore it or set KEYFUSE_PEPPERS, without them no key can be verified"
        )
    return peppers.create_file(path, token_bytes)
