"""How a key was used between its leak and its death."""

from datetime import timedelta

from keyfuse_store import Issued, KeyStore, usage_history
from keyfuse_store.usage_history import UseBetween

HOUR = timedelta(hours=1)


def between(store: KeyStore, issued: Issued, start: int, end: int) -> UseBetween:
    store.flush()
    with store.read() as connection:
        return usage_history.between(connection, issued.key.id, start, end)


def test_calls_in_between_are_counted_and_the_last_is_named(
    store: KeyStore, issued: Issued, clock
) -> None:
    store.verify(issued.token)
    clock.advance(3 * HOUR)
    leaked = clock.now
    for _ in range(3):
        clock.advance(timedelta(minutes=50))
        store.verify(issued.token)
    used = clock.now
    store.verify(issued.token, scopes=["other:read"])
    died = clock.now
    clock.advance(3 * HOUR)
    assert between(store, issued, leaked, died) == UseBetween(3, used)
    assert between(store, issued, died + 1, clock.now) == UseBetween(0, None)


def test_calls_of_the_hour_of_the_leak_count_only_if_one_came_after_it(
    store: KeyStore, issued: Issued, clock
) -> None:
    store.verify(issued.token)
    clock.advance(timedelta(minutes=5))
    assert between(store, issued, clock.now, clock.now).valid == 0
    leaked = clock.now
    clock.advance(timedelta(minutes=5))
    store.verify(issued.token)
    # Hours are all there is: the call before the leak is counted with that after it.
    assert between(store, issued, leaked, clock.now) == UseBetween(2, clock.now)


def test_key_that_was_never_used(store: KeyStore, issued: Issued, clock) -> None:
    assert between(store, issued, 0, clock.now) == UseBetween(0, None)
