"""The steps of a key's life: what each allows, leaves behind and writes into the audit record."""

import pytest

from keyfuse_store import InvalidField, Issued, KeyNotFound, KeyStore, audit, lifecycle, owners
from keyfuse_store.errors import OwnerNotFound, StateConflict
from support.keys import make_key


def actions(store: KeyStore, subject: str) -> list[str]:
    with store.read() as connection:
        return [entry.action for entry in audit.entries(connection, subject=subject)]


def quarantine(store: KeyStore, key_id: str, *allowed: str) -> bool:
    with store.begin() as connection:
        return lifecycle.quarantine(
            connection,
            store.audit,
            key_id,
            allowed=allowed,
            reason="seen in public",
            actor="github",
            at=store.clock(),
        )


def test_revoking_is_final_and_the_first_reason_stays(
    store: KeyStore, issued: Issued, clock
) -> None:
    evidence = {"url": "https://example.com/leak"}
    dead = store.revoke(issued.key.id, reason="leaked", evidence=evidence, actor="github")
    clock.now += 5
    again = store.revoke(issued.key.id, reason="again")
    assert again == dead
    assert (dead.state, dead.revoke_reason, dead.revoke_evidence) == ("revoked", "leaked", evidence)
    assert dead.revoked is not None
    assert actions(store, issued.key.id) == ["key.issued", "key.revoked"]
    with pytest.raises(StateConflict, match="final"):
        store.resume(issued.key.id)
    with pytest.raises(StateConflict, match="final"):
        store.suspend(issued.key.id, reason="pause")
    assert not quarantine(store, issued.key.id, "invoices:read")
    assert store.get(issued.key.id) == dead, "the tombstone stays"


def test_a_reason_that_holds_the_key_is_cut_and_the_key_dies(
    store: KeyStore, issued: Issued
) -> None:
    token = issued.token.reveal()
    dead = store.revoke(issued.key.id, reason=f"found {token}", evidence={"line": token})
    assert dead.state == "revoked"
    assert token[-38:] not in str(dead.as_json())


@pytest.mark.parametrize("step", ["revoke", "suspend"])
def test_a_reason_that_is_no_text_keeps_no_key(store: KeyStore, issued: Issued, step: str) -> None:
    """A list of one key would be joined to that key again, past what cuts keys out of text."""
    token = issued.token.reveal()
    for odd in ([token], {token: 1}, None):
        for given in ({"reason": odd}, {"reason": "x", "actor": odd or 5}):
            with pytest.raises(InvalidField):
                getattr(store, step)(issued.key.id, **given)
    assert store.verify(token).ok
    assert token not in str(store.entries())


def test_suspending_and_resuming(store: KeyStore, issued: Issued) -> None:
    assert store.suspend(issued.key.id, reason="pause").state == "suspended"
    assert store.suspend(issued.key.id, reason="pause").state == "suspended"
    assert store.resume(issued.key.id).state == "active"
    assert store.resume(issued.key.id).state == "active"
    assert actions(store, issued.key.id) == ["key.issued", "key.suspended", "key.resumed"]


def test_a_quarantined_key_is_valid_for_what_both_lists_allow(store: KeyStore) -> None:
    issued = store.issue(
        prefix="acme_live", owner="a@example.com", scopes=["invoices:*", "users:read@acct_1"]
    )
    assert quarantine(store, issued.key.id, "*:read", "invoices:list", "payments:write")
    assert not quarantine(store, issued.key.id, "*:*"), "the first cut stays"
    assert store.get(issued.key.id).state == "quarantined"
    for scope, resource, code in [
        ("invoices:read", None, "valid"),
        ("invoices:list", None, "valid"),
        ("users:read", "acct_1", "valid"),
        ("users:read", None, "insufficient_scope"),
        ("invoices:write", None, "insufficient_scope"),
        ("payments:write", None, "insufficient_scope"),
        ("payments:read", None, "insufficient_scope"),
    ]:
        verdict = store.verify(issued.token, scopes=[scope], resource=resource)
        assert verdict.code == code, scope
    assert store.verify(issued.token).code == "insufficient_scope", "nothing asked is everything"
    assert store.verify(issued.token, any_of=["invoices:write", "invoices:read"]).ok
    assert store.resume(issued.key.id).state == "active"
    assert store.verify(issued.token).ok


def test_suspension_does_not_lift_a_quarantine(store: KeyStore, issued: Issued) -> None:
    store.suspend(issued.key.id, reason="pause")
    assert quarantine(store, issued.key.id)
    assert store.verify(issued.token).code == "suspended"
    assert store.resume(issued.key.id).state == "quarantined"
    assert store.verify(issued.token, scopes=["invoices:read"]).code == "insufficient_scope"
    assert store.suspend(issued.key.id, reason="again").state == "suspended"
    assert store.resume(issued.key.id).state == "quarantined"
    assert store.resume(issued.key.id).state == "active"


@pytest.mark.parametrize("step", ["revoke", "suspend", "resume", "get"])
def test_a_key_that_is_not_there(store: KeyStore, step: str) -> None:
    reason = {"reason": "x"} if step in {"revoke", "suspend"} else {}
    with pytest.raises(KeyNotFound, match="0123456789"):
        getattr(store, step)("0123456789", **reason)
    token = make_key().reveal()
    with pytest.raises(InvalidField) as error:
        getattr(store, step)(token, **reason)
    assert token not in str(error.value), "a key given for its id is not repeated"


def test_owners(store: KeyStore) -> None:
    one = store.add_owner("b@example.com", name="Team B")
    store.add_owner("A@example.com")
    with pytest.raises(InvalidField, match="exists already"):
        store.add_owner("B@EXAMPLE.com")
    with store.read() as connection:
        assert [owner.email for owner in owners.page(connection)] == [
            "A@example.com",
            "b@example.com",
        ]
        assert owners.get(connection, one.id) == owners.get(connection, "b@example.com") == one
        assert owners.page(connection, after="a@example.com") == [one]
        with pytest.raises(OwnerNotFound):
            owners.get(connection, "c@example.com")
    assert one.created.year == 2027
    assert actions(store, one.id) == ["owner.added"]
