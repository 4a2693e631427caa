"""Many keys: issued in batches, found and paged through without loading all of them."""

import os
import tracemalloc

import pytest

from keyfuse_store import InvalidField, KeyStore, OwnerNotFound, audit
from keyfuse_store.issue import BATCH_MAX, KeyOrder, issue_all
from support.backends import sqlite_only

# The bar is KEYFUSE_TEST_KEYS=100000, which takes half a minute.
MANY = int(os.environ.get("KEYFUSE_TEST_KEYS", "10000"))


def order(number: int, **more: object) -> KeyOrder:
    asked = {"prefix": "acme_live", "owner": f"team{number % 7}@example.com", **more}
    return KeyOrder(**asked, name=f"key number {number}")  # type: ignore[arg-type]


def test_batches_are_issued_as_they_are_asked_for(store: KeyStore) -> None:
    asked = 0

    def orders():
        nonlocal asked
        for asked in range(1, 3 * BATCH_MAX + 1):
            yield order(asked)

    issuing = store.issue_many(orders(), actor="cli:root")
    first = next(issuing)
    assert asked == BATCH_MAX
    assert store.verify(first.token).ok, "committed before it is given"
    issued = [first, *issuing]
    assert len({one.key.id for one in issued}) == 3 * BATCH_MAX
    assert [one.key.name for one in issued[-2:]] == ["key number 1499", "key number 1500"]
    assert all(store.verify(one.token).ok for one in issued[::100])
    with store.read() as connection:
        # Seven owners, and an entry for each key.
        assert audit.verify_chain(connection, store.peppers) == (1507, None)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"scopes": ["no scope"]}, InvalidField),
        ({"owner": ["list"]}, InvalidField),
        ({"owner": "own_0123456789abcdef"}, OwnerNotFound),
    ],
)
def test_a_bad_order_issues_nothing_of_its_batch(
    store: KeyStore, bad: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        list(store.issue_many([order(1), order(2, **bad)]))
    assert store.list() == []
    assert list(store.issue_many([])) == []


def test_a_batch_has_an_end(store: KeyStore) -> None:
    orders = [order(number) for number in range(BATCH_MAX + 1)]
    with store.begin() as connection, pytest.raises(InvalidField, match="500 are allowed"):
        issue_all(connection, store.audit, store.peppers, orders, actor="x", at=store.clock())


def test_searching(store: KeyStore) -> None:
    keys = [one.key for one in store.issue_many(map(order, range(20)))]
    found = {key.name for key in store.search("NUMBER 1")}
    assert found == {f"key number {n}" for n in (1, *range(10, 20))}
    assert {key.owner for key in store.search("Team3@")} == {"team3@example.com"}
    assert [key.id for key in store.search(keys[5].id[:9])] == [keys[5].id]
    assert len(store.search("key", limit=5)) == 5
    page = store.search("key", limit=5)
    assert not {key.id for key in page} & {key.id for key in store.search("key", after=page[-1].id)}
    assert store.search("100%") == store.search("_") == store.search("nobody") == []
    assert [key.name for key in store.list(search="number 3", owner="team3@example.com")] == [
        "key number 3"
    ]


@pytest.mark.parametrize("text", ["", " ", "x" * 121, "a\0b", "a\nb", 7])
def test_what_cannot_be_searched_for_is_named(store: KeyStore, text: object) -> None:
    with pytest.raises(InvalidField) as error:
        store.search(text)  # type: ignore[arg-type]
    assert error.value.field == "search"


@sqlite_only
def test_many_keys_are_paged_through_in_little_memory(store: KeyStore) -> None:
    ids = {one.key.id for one in store.issue_many(map(order, range(MANY)))}
    assert len(ids) == MANY
    tracemalloc.start()
    try:
        after, seen = None, 0
        while page := store.list(after=after, limit=1000):
            after = page[-1].id
            seen += len(page)
        assert store.search(f"number {MANY - 1}")[0].name == f"key number {MANY - 1}"
        assert len(store.search("team3@", limit=1000)) == 1000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen == MANY
    assert peak < 8_000_000
