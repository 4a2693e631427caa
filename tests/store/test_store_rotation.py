"""Rotation: which keys can be rotated, what the successor gets, and what becomes of each half."""

from datetime import timedelta

import pytest

from keyfuse_store import InvalidField, Issued, KeyNotFound, KeyStore, audit, lifecycle
from keyfuse_store.errors import StateConflict
from keyfuse_store.times import from_micros

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def entries(store: KeyStore, subject: str) -> list[audit.AuditEntry]:
    with store.read() as connection:
        return audit.entries(connection, subject=subject)


def test_both_keys_work_until_the_overlap_ends(store: KeyStore, issued: Issued, clock) -> None:
    rotated = store.rotate(issued.key.id, overlap=HOUR)
    assert rotated.key.id != issued.key.id
    assert rotated.key.predecessor_id == issued.key.id == rotated.predecessor.id
    assert rotated.predecessor.successor_id == rotated.key.id
    assert rotated.predecessor.overlap_until == from_micros(clock.now) + HOUR
    for token in (issued.token, rotated.token):
        verdict = store.verify(token, scopes=["invoices:read"])
        assert verdict.ok
        assert verdict.key is not None
        assert {verdict.key.id, verdict.key.predecessor_id or verdict.key.successor_id} == {
            issued.key.id,
            rotated.key.id,
        }
    clock.advance(HOUR - timedelta(microseconds=1))
    assert store.verify(issued.token).ok
    clock.advance(timedelta(microseconds=1))
    assert store.verify(issued.token).code == "expired"
    assert store.verify(rotated.token).ok


def test_no_overlap_ends_the_predecessor_at_once(store: KeyStore, issued: Issued) -> None:
    rotated = store.rotate(issued.key.id, overlap=timedelta(0))
    assert store.verify(issued.token).code == "expired"
    assert store.verify(rotated.token).ok


def test_the_successor_has_everything_but_the_secret(store: KeyStore, clock) -> None:
    issued = store.issue(
        prefix="acme_live",
        owner="a@example.com",
        name="ci",
        scopes=["invoices:read@acct_1"],
        meta={"team": "blue"},
        addresses=["203.0.113.0/24"],
        rate_limit="100/minute",
        quota="1000/month",
        expires_in=9 * DAY,
    )
    clock.advance(DAY)
    old, new = issued.key, store.rotate(issued.key.id).key
    for field in (
        "prefix", "owner", "name", "scopes", "meta", "addresses", "rate_limit", "quota", "expires",
    ):  # fmt: skip
        assert getattr(new, field) == getattr(old, field), field
    assert (new.state, new.created_us, new.overlap_until) == ("active", clock.now, None)


def test_the_successor_may_get_another_end(store: KeyStore, issued: Issued, clock) -> None:
    now = from_micros(clock.now)
    assert store.rotate(issued.key.id, expires_in=DAY).key.expires == now + DAY
    other = store.issue(prefix="acme_live", owner="a@example.com", expires_in=DAY).key
    assert store.rotate(other.id, expires_at=now + 2 * DAY).key.expires == now + 2 * DAY
    third = store.issue(prefix="acme_live", owner="a@example.com").key
    with pytest.raises(InvalidField, match="expires_at"):
        store.rotate(third.id, expires_at=now - DAY)
    assert store.get(third.id) == third


def test_an_overlap_never_outlives_the_key(store: KeyStore, clock) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com", expires_in=HOUR)
    rotated = store.rotate(issued.key.id, overlap=DAY, expires_in=9 * DAY)
    assert rotated.predecessor.overlap_until == issued.key.expires
    clock.advance(HOUR)
    assert store.verify(issued.token).code == "expired"
    assert store.verify(rotated.token).ok


@pytest.mark.parametrize("overlap", [timedelta(microseconds=-1), timedelta(days=367)])
def test_an_overlap_out_of_range_is_named(
    store: KeyStore, issued: Issued, overlap: timedelta
) -> None:
    with pytest.raises(InvalidField, match=r"overlap: .* 366 days"):
        store.rotate(issued.key.id, overlap=overlap)


def test_a_bare_number_is_no_overlap(store: KeyStore, issued: Issued) -> None:
    with pytest.raises(InvalidField, match="overlap: must be a timedelta"):
        store.rotate(issued.key.id, overlap=24)  # type: ignore[arg-type]


def test_whatever_happens_to_one_half_leaves_the_other_alone(store: KeyStore) -> None:
    old = store.issue(prefix="acme_live", owner="a@example.com")
    new = store.rotate(old.key.id)
    store.revoke(old.key.id, reason="leaked")
    assert store.verify(old.token).code == "revoked"
    assert store.verify(new.token).ok
    old = store.issue(prefix="acme_live", owner="a@example.com")
    new = store.rotate(old.key.id)
    store.revoke(new.key.id, reason="leaked")
    assert store.verify(new.token).code == "revoked"
    assert store.verify(old.token).ok, "the overlap it was promised"


def test_a_chain_of_rotations(store: KeyStore, issued: Issued) -> None:
    second = store.rotate(issued.key.id)
    third = store.rotate(second.key.id)
    assert third.key.predecessor_id == second.key.id
    assert all(store.verify(one.token).ok for one in (issued, second, third))
    with pytest.raises(StateConflict, match=f"rotated before; rotate {second.key.id}"):
        store.rotate(issued.key.id)


@pytest.mark.parametrize("what", ["is revoked", "resume it before", "has expired"])
def test_what_cannot_be_rotated(store: KeyStore, clock, what: str) -> None:
    key = store.issue(prefix="acme_live", owner="a@example.com", expires_in=HOUR).key
    if what == "is revoked":
        store.revoke(key.id, reason="x")
    elif what == "has expired":
        clock.advance(HOUR)
    else:
        store.suspend(key.id, reason="x")
    before = store.list(), entries(store, key.id)
    with pytest.raises(StateConflict, match=what):
        store.rotate(key.id, expires_in=DAY)
    assert (store.list(), entries(store, key.id)) == before


def test_a_key_that_is_not_there(store: KeyStore) -> None:
    with pytest.raises(KeyNotFound):
        store.rotate("0123456789")
    with pytest.raises(InvalidField):
        store.rotate("none")


def test_rotating_out_of_quarantine(store: KeyStore, issued: Issued) -> None:
    """The way out of a quarantine: the leaked half stays restricted, the new one is whole."""
    with store.begin() as connection:
        lifecycle.quarantine(
            connection, store.audit, issued.key.id,
            allowed=["a:b"], reason="leaked", actor="x", at=store.clock(),
        )  # fmt: skip
    rotated = store.rotate(issued.key.id)
    assert rotated.key.state == "active"
    assert rotated.predecessor.state == "quarantined"
    assert store.verify(rotated.token, scopes=["invoices:read"]).ok
    assert store.verify(issued.token, scopes=["invoices:read"]).code == "insufficient_scope"


def test_a_key_that_has_not_begun(store: KeyStore, clock) -> None:
    begin = from_micros(clock.now) + DAY
    issued = store.issue(
        prefix="acme_live", owner="a@example.com", not_before=begin, expires_in=DAY
    )
    rotated = store.rotate(issued.key.id, overlap=2 * HOUR)
    assert (rotated.key.not_before, rotated.key.expires) == (begin, begin + DAY)
    assert store.verify(rotated.token).code == "not_yet_valid"
    clock.advance(DAY)
    assert store.verify(rotated.token).ok
    assert store.verify(issued.token).code == "expired"


def test_management_keys_are_rotated_like_any_other(store: KeyStore) -> None:
    issued = store.issue(
        prefix="keyfuse_root", owner="a@example.com", scopes=["keyfuse:admin"], admin=True
    )
    rotated = store.rotate(issued.key.id)
    assert store.verify(rotated.token, scopes=["keyfuse:keys.read"]).ok


def test_both_changes_are_in_the_record(store: KeyStore, issued: Issued) -> None:
    rotated = store.rotate(issued.key.id, overlap=HOUR, actor="cli:root")
    (last,) = entries(store, issued.key.id)[-1:]
    assert (last.action, last.actor) == ("key.rotated", "cli:root")
    assert last.detail == {
        "successor": rotated.key.id,
        "overlap_until": "2027-01-15T09:00:00Z",
    }
    (first,) = entries(store, rotated.key.id)
    assert (first.action, first.detail["predecessor"]) == ("key.issued", issued.key.id)
