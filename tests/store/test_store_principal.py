"""Nobody gives away more than he has; and whoever proved his key once is looked at again."""

from datetime import timedelta
from functools import partial

import pytest

from keyfuse_store import Issued, KeyStore
from keyfuse_store.changes import KeyChanges
from keyfuse_store.errors import NotPermitted
from keyfuse_store.issue import KeyOrder
from keyfuse_store.principal import Principal, principal, still_principal
from keyfuse_store.scopes import ADMIN, MANAGEMENT_SCOPES
from keyfuse_store.times import to_micros


def manager(store: KeyStore, *scopes: str, **options: object) -> Issued:
    order = {"prefix": "keyfuse_ops", "owner": "ops@example.com", "admin": True} | options
    return store.issue(scopes=scopes, **order)  # type: ignore[arg-type]


def holding(*scopes: str) -> Principal:
    return Principal("3uGk0aXb2Q", "ops@example.com", "", frozenset(scopes))


def now(store: KeyStore, issued: Issued, address: str | None = None) -> Principal | None:
    with store.read() as connection:
        at = store.clock()
        return still_principal(connection, issued.key.id, address=address, at=at)


def test_an_admin_may_everything_that_is_listed_and_nothing_else() -> None:
    admin = holding(ADMIN)
    assert all(map(admin.may, MANAGEMENT_SCOPES))
    assert not admin.may("keyfuse:no.such")
    assert not admin.may("invoices:read")


def test_others_may_what_they_hold() -> None:
    reader = holding("keyfuse:keys.read")
    assert reader.may("keyfuse:keys.read")
    assert not reader.may("keyfuse:keys.write")
    assert not reader.may(ADMIN)


def test_nobody_grants_what_he_does_not_hold() -> None:
    writer = holding("keyfuse:keys.write", "keyfuse:keys.read")
    writer.check_grant(["keyfuse:keys.read", "invoices:*", "*:*"])
    with pytest.raises(NotPermitted) as refused:
        writer.check_grant([ADMIN, "keyfuse:keys.read", "keyfuse:audit.read"])
    assert refused.value.scopes == (ADMIN, "keyfuse:audit.read")


@pytest.mark.parametrize("scope", ["keyfuse:*", "KEYFUSE:admin", "Keyfuse:keys.read"])
def test_no_spelling_of_the_namespace_gets_past(scope: str) -> None:
    with pytest.raises(NotPermitted):
        holding("keyfuse:keys.read").check_grant([scope])


def test_even_every_single_scope_is_not_admin() -> None:
    with pytest.raises(NotPermitted):
        holding(*(set(MANAGEMENT_SCOPES) - {ADMIN})).check_grant([ADMIN])


def test_who_touches_a_management_key_holds_all_it_holds(store: KeyStore, issued: Issued) -> None:
    writer = holding("keyfuse:keys.write")
    writer.check_touch(issued.key)
    writer.check_touch(manager(store, "keyfuse:keys.write").key)
    with pytest.raises(NotPermitted):
        writer.check_touch(manager(store, ADMIN).key)


def test_only_management_keys_make_a_principal(store: KeyStore, issued: Issued) -> None:
    assert principal(issued.key) is None
    key = manager(store, "keyfuse:keys.read", name="ops").key
    assert principal(key) == Principal(
        key.id, "ops@example.com", "ops", frozenset({"keyfuse:keys.read"})
    )


def test_a_session_ends_with_its_key(store: KeyStore) -> None:
    one = manager(store, ADMIN)
    assert now(store, one) == principal(one.key)
    store.suspend(one.key.id, reason="lunch")
    assert now(store, one) is None
    store.resume(one.key.id)
    assert now(store, one) is not None
    store.revoke(one.key.id, reason="gone")
    assert now(store, one) is None


def test_a_session_ends_when_its_key_expires(store: KeyStore) -> None:
    one = manager(store, ADMIN, expires_in=timedelta(hours=1))
    assert one.key.expires is not None
    end = to_micros("end", one.key.expires)
    with store.read() as connection:
        assert still_principal(connection, one.key.id, address=None, at=end - 1)
        assert still_principal(connection, one.key.id, address=None, at=end) is None


def test_a_session_is_held_to_the_networks_of_its_key(store: KeyStore) -> None:
    one = manager(store, ADMIN, addresses=["10.0.0.0/8"])
    assert now(store, one, "10.1.2.3") is not None
    assert now(store, one, "192.0.2.1") is None
    assert now(store, one, None) is None


@pytest.mark.parametrize("withdrawn", ["revoked", "suspended", "expired", "narrowed", "moved"])
def test_a_right_that_went_a_moment_ago_is_none_in_any_change(
    store: KeyStore, issued: Issued, clock, withdrawn: str
) -> None:
    """Whoever checked the caller did so before the change began."""
    scopes = ("keyfuse:keys.write", "keyfuse:owners.write")
    one = manager(store, *scopes, expires_in=timedelta(hours=1)).key
    who, key_id = principal(one), issued.key.id
    assert who is not None
    store.rename(key_id, "before", actor=who, origin="192.0.2.7")
    if withdrawn == "revoked":
        store.revoke(one.id, reason="leaked")
    elif withdrawn == "suspended":
        store.suspend(one.id, reason="lunch")
    elif withdrawn == "expired":
        clock.advance(timedelta(hours=1))
    elif withdrawn == "narrowed":
        store.set_scopes(one.id, ["keyfuse:keys.read"])
    else:
        store.change(one.id, KeyChanges(addresses=["10.0.0.0/8"]))
    entries = len(store.entries(limit=1000))
    order = KeyOrder(prefix="acme_live", owner="o@example.com")
    for step in (
        partial(store.issue, prefix="acme_live", owner="o@example.com"),
        lambda **by: list(store.issue_many([order], **by)),
        partial(store.rotate, key_id),
        partial(store.rename, key_id, "after"),
        partial(store.suspend, key_id, reason="mine"),
        partial(store.resume, key_id),
        partial(store.revoke, key_id, reason="mine"),
        partial(store.add_owner, "new@example.com"),
    ):
        with pytest.raises(NotPermitted):
            step(actor=who, origin="192.0.2.7")
    assert len(store.entries(limit=1000)) == entries
    assert store.get(key_id).name == "before"


def test_whoever_lowers_his_own_rights_may(store: KeyStore) -> None:
    one = manager(store, "keyfuse:keys.write", "keyfuse:keys.read").key
    store.set_scopes(one.id, ["keyfuse:keys.read"], actor=principal(one))
    assert store.get(one.id).scopes == ("keyfuse:keys.read",)


def test_nobody_was_ever_an_unknown_key(store: KeyStore) -> None:
    with store.read() as connection:
        assert still_principal(connection, "0" * 10, address=None, at=store.clock()) is None
