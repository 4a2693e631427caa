"""Changes to a living key: each field by itself, audited, seen by the next verification."""

from datetime import UTC, datetime, timedelta

import pytest

from keyfuse_store import InvalidField, Issued, KeyNotFound, KeyStore, audit
from keyfuse_store.changes import KeyChanges
from keyfuse_store.errors import StateConflict

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def last_entry(store: KeyStore, subject: str) -> audit.AuditEntry:
    with store.read() as connection:
        return audit.entries(connection, subject=subject)[-1]


def test_renaming(store: KeyStore, issued: Issued) -> None:
    assert store.rename(issued.key.id, "nightly", actor="cli:root").name == "nightly"
    entry = last_entry(store, issued.key.id)
    assert (entry.action, entry.actor) == ("key.changed", "cli:root")
    assert entry.detail == {"name": {"from": "ci", "to": "nightly"}}


def test_other_scopes_are_seen_by_the_next_verification(store: KeyStore, issued: Issued) -> None:
    assert store.verify(issued.token, scopes=["invoices:read"]).ok
    store.set_scopes(issued.key.id, ["users:read", "users:*@acct_1"])
    assert store.verify(issued.token, scopes=["invoices:read"]).code == "insufficient_scope"
    assert store.verify(issued.token, scopes=["users:read"]).ok
    assert store.verify(issued.token, scopes=["users:write"], resource="acct_1").ok
    assert last_entry(store, issued.key.id).detail == {
        "scopes": {"from": ["invoices:read"], "to": ["users:read", "users:*@acct_1"]}
    }


def test_everything_at_once(store: KeyStore, issued: Issued) -> None:
    key = store.change(
        issued.key.id,
        KeyChanges(
            name="n",
            meta={"team": "blue"},
            addresses=["203.0.113.0/24"],
            rate_limit="5/minute",
            quota="7/day",
            expires_in=DAY,
        ),
    )
    assert (key.name, key.meta, key.addresses) == ("n", {"team": "blue"}, ("203.0.113.0/24",))
    assert (key.rate_limit, key.quota, key.expires) == ("5/minute", "7/day", NOW + DAY)
    entry = last_entry(store, key.id)
    assert entry.detail["meta"] == "changed"
    assert entry.detail["expires_at"] == {"from": None, "to": "2027-01-16T08:00:00Z"}
    freed = store.change(key.id, KeyChanges(rate_limit=None, quota=None, expires_at=None))
    assert (freed.rate_limit, freed.quota, freed.expires) == (None, None, None)
    assert freed.addresses == key.addresses


def test_an_expired_key_may_be_given_a_new_end(store: KeyStore, clock) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com", expires_in=DAY)
    clock.advance(DAY)
    assert store.verify(issued.token).code == "expired"
    store.change(issued.key.id, KeyChanges(expires_at=NOW + 3 * DAY))
    assert store.verify(issued.token).ok


def test_a_change_to_what_is_changes_nothing(store: KeyStore, issued: Issued) -> None:
    before = last_entry(store, issued.key.id)
    assert store.rename(issued.key.id, "ci") == issued.key
    assert last_entry(store, issued.key.id) == before


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", KeyChanges(name="a\0b")),
        ("scopes", KeyChanges(scopes=["keyfuse:admin"])),
        ("scopes", KeyChanges(scopes="invoices:read")),
        ("meta", KeyChanges(meta={"x": "y" * 5000})),
        ("addresses", KeyChanges(addresses=["nowhere"])),
        ("rate_limit", KeyChanges(rate_limit="-1/minute")),
        ("quota", KeyChanges(quota="none")),
        ("expires_at", KeyChanges(expires_at=NOW)),
        ("expires_in", KeyChanges(expires_in=-DAY)),
        ("expires_in", KeyChanges(expires_in=DAY, expires_at=NOW + DAY)),
    ],
)
def test_a_bad_field_is_named_and_nothing_changes(
    store: KeyStore, issued: Issued, field: str, changes: KeyChanges
) -> None:
    with pytest.raises(InvalidField) as error:
        store.change(issued.key.id, changes)
    assert error.value.field == field
    assert store.get(issued.key.id) == issued.key


def test_a_management_key_stays_one(store: KeyStore) -> None:
    key = store.issue(
        prefix="keyfuse_root", owner="a@example.com", scopes=["keyfuse:admin"], admin=True
    ).key
    assert store.set_scopes(key.id, ["keyfuse:verify"]).scopes == ("keyfuse:verify",)
    with pytest.raises(InvalidField, match="management key"):
        store.set_scopes(key.id, ["invoices:read"])


def test_what_cannot_be_changed(store: KeyStore, issued: Issued) -> None:
    with pytest.raises(KeyNotFound):
        store.rename("0123456789", "x")
    store.revoke(issued.key.id, reason="x")
    with pytest.raises(StateConflict, match="final"):
        store.rename(issued.key.id, "x")
