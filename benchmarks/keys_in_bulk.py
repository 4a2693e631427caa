"""A store with many keys, and samples of what may be asked of it."""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from keyfuse_rules.keyformat import RANDOMNESS_LENGTH, build
from keyfuse_store import KeyStore, revisions
from keyfuse_store.database import open_database
from keyfuse_store.issue import KeyOrder
from keyfuse_store.settings import Settings

PEPPERS = {1: b"p" * 32}
SCOPE = "invoices:read"
_OWNERS = 1000


class Filled(NamedTuple):
    """A store and the keys that were issued in it."""

    store: KeyStore
    tokens: list[str]


class Sample(NamedTuple):
    """Keys at random: issued ones, the same with a typing error, and some that nobody issued."""

    valid: list[str]
    mistyped: list[str]
    unknown: list[str]


def fill(home: Path, url: str, keys: int) -> Filled:
    """Issue keys as an API would: two scopes, a rate limit, an end, some meta."""
    database = open_database(url)
    revisions.upgrade(database)
    database.close()
    settings = Settings.load({"KEYFUSE_HOME": str(home), "KEYFUSE_DATABASE_URL": url})
    store = KeyStore.open(settings=settings, peppers=PEPPERS)
    begun = time.perf_counter()
    orders = (
        KeyOrder(
            prefix="acme_live",
            owner=f"team{number % _OWNERS}@example.com",
            name=f"key {number}",
            scopes=(SCOPE, "invoices:write"),
            meta={"team": "billing"},
            rate_limit="1000000/minute",
        )
        for number in range(keys)
    )
    tokens = [issued.token.reveal() for issued in store.issue_many(orders)]
    seconds = time.perf_counter() - begun
    print(
        f"issued {keys:,} keys in {seconds:.0f} s ({store.database.engine.name})", file=sys.stderr
    )
    return Filled(store, tokens)


@contextmanager
def filled(home: Path, url: str, keys: int) -> Iterator[Filled]:
    issued = fill(home, url, keys)
    try:
        yield issued
    finally:
        issued.store.close()


def sample(issued: Filled, size: int) -> Sample:
    """Draw the same keys each time."""
    source = random.Random(62)
    valid = source.sample(issued.tokens, min(size, len(issued.tokens)))
    mistyped = [text[:-1] + ("1" if text[-1] == "0" else "0") for text in valid]
    unknown = [build("acme_live", source.randbytes(RANDOMNESS_LENGTH)).reveal() for _ in valid]
    return Sample(valid, mistyped, unknown)
