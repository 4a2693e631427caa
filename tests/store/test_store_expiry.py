"""Warnings before a key ends: when one is due, and that it is given once."""

from datetime import timedelta

from keyfuse_store import KeyStore, audit
from keyfuse_store.changes import KeyChanges
from keyfuse_store.expiry import Expiring, expiring, take_expiring

DAY = timedelta(days=1)
WITHIN = 14 * DAY


def due(store: KeyStore) -> list[str]:
    with store.read() as connection:
        found = expiring(connection, at=store.clock(), within=WITHIN)
    return [key.name for key in found]


def take(store: KeyStore) -> list[Expiring]:
    with store.begin() as connection:
        return take_expiring(connection, store.audit, at=store.clock(), within=WITHIN)


def issue(store: KeyStore, name: str, lasts: timedelta | None, owner: str = "a") -> str:
    return store.issue(
        prefix="acme_live", owner=f"{owner}@example.com", name=name, expires_in=lasts
    ).key.id


def test_a_warning_is_due_some_days_before_the_end(store: KeyStore, clock) -> None:
    issue(store, "long", 90 * DAY)
    issue(store, "never", None)
    clock.advance(76 * DAY - timedelta(seconds=1))
    assert due(store) == []
    clock.advance(timedelta(seconds=1))
    assert due(store) == ["long"]
    clock.advance(14 * DAY)
    assert due(store) == [], "what has ended is not warned of"


def test_short_lives_are_warned_of_in_their_last_quarter(store: KeyStore, clock) -> None:
    issue(store, "eight days", 8 * DAY)
    issue(store, "an hour", timedelta(hours=1))
    assert due(store) == []
    clock.advance(timedelta(minutes=59))
    assert due(store) == []
    clock.advance(6 * DAY)
    assert due(store) == ["eight days"]


def test_each_key_is_warned_of_once_and_each_owner_once_for_all(store: KeyStore, clock) -> None:
    ids = [issue(store, name, 90 * DAY, owner) for name, owner in ("xa", "yb", "za")]
    clock.advance(80 * DAY)
    taken = take(store)
    assert {tuple(key.id for key in one.keys) for one in taken} == {
        tuple(sorted([ids[0], ids[2]])),
        (ids[1],),
    }
    assert take(store) == []
    assert due(store) == []
    with store.read() as connection:
        warned = audit.entries(connection, subject=taken[0].owner_id)[-1]
        assert audit.verify_chain(connection, store.peppers).problem is None
    assert (warned.action, warned.actor) == ("owner.expiry_warning", "keyfuse")
    assert warned.detail == {"keys": [key.id for key in taken[0].keys]}


def test_a_new_end_is_warned_of_anew(store: KeyStore, clock) -> None:
    key = issue(store, "extended", 90 * DAY)
    clock.advance(80 * DAY)
    assert len(take(store)) == 1
    store.change(key, KeyChanges(expires_in=60 * DAY))
    assert due(store) == []
    clock.advance(50 * DAY)
    assert due(store) == ["extended"]


def test_keys_that_need_no_warning(store: KeyStore, clock) -> None:
    rotated, revoked, suspended = (
        issue(store, name, 90 * DAY) for name in ("rotated", "revoked", "suspended")
    )
    clock.advance(80 * DAY)
    store.rotate(rotated, expires_in=90 * DAY)
    store.revoke(revoked, reason="x")
    store.suspend(suspended, reason="x")
    assert due(store) == []
    store.resume(suspended)
    assert due(store) == ["suspended"]
