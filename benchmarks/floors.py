"""What no store on the same database can do without: the look-up, the HMAC, the comparison."""

import hmac
from collections.abc import Sequence

from rounds import Candidate, timed

from keyfuse_rules.keyformat import ID_LENGTH, TAIL_LENGTH
from keyfuse_store.held import Statement
from keyfuse_store.keys import grant_lookup
from keyfuse_store.keystore import KeyStore

_ID = slice(-TAIL_LENGTH, ID_LENGTH - TAIL_LENGTH)


def lookup_and_hmac(store: KeyStore, pepper: bytes, tokens: Sequence[str]) -> Candidate:
    """The SELECT of verification on a plain driver connection, then HMAC and comparison."""
    driver, statement = store.database.hold(), Statement(store.database, grant_lookup())

    def work() -> None:
        run, digest, same = statement.run, hmac.digest, hmac.compare_digest
        execute, sql = driver.execute, statement.sql
        by_place = statement.order is not None
        for token in tokens:
            key_id = token[_ID]
            row = (execute(sql, (key_id,)) if by_place else run(driver, {"id": key_id})).fetchone()
            assert same(digest(pepper, token.encode(), "sha256"), row[0])

    return lambda: timed(len(tokens), work)


def round_trip(store: KeyStore, tokens: Sequence[str]) -> Candidate:
    """The same row through a prepared statement of the driver, and nothing else."""
    driver, sql = store.database.hold(), Statement(store.database, grant_lookup()).sql

    def work() -> None:
        for token in tokens:
            assert driver.execute(sql, {"id": token[_ID]}, prepare=True).fetchone()

    return lambda: timed(len(tokens), work)
