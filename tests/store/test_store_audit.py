"""The audit record: every change has its entry, and no entry can be altered unseen."""

import pytest
from sqlalchemy import text

from keyfuse_store import Issued, KeyStore, audit
from keyfuse_store.errors import DatabaseDamaged
from keyfuse_store.issue import KeyOrder
from keyfuse_store.peppers import PepperRing
from support.backends import execute
from support.keys import make_key


@pytest.fixture
def busy(store: KeyStore) -> KeyStore:
    for number in range(5):
        key = store.issue(prefix="acme_live", owner=f"{number}@example.com").key
        store.revoke(key.id, reason="leaked")
    return store


def report(store: KeyStore, ring: PepperRing | None = None) -> audit.ChainReport:
    with store.read() as connection:
        return audit.verify_chain(connection, ring or store.peppers)


def test_an_unaltered_record_holds(busy: KeyStore) -> None:
    assert report(busy) == (15, None)


def test_entries_say_who_what_and_when(store: KeyStore, issued: Issued) -> None:
    with store.read() as connection:
        first, second = audit.entries(connection)
        assert audit.entries(connection, after=1, limit=1) == [second]
    assert first.action == "owner.added"
    assert second.as_json() == {
        "seq": 2,
        "at": "2027-01-15T08:00:00Z",
        "actor": "api",
        "origin": None,
        "action": "key.issued",
        "subject": issued.key.id,
        "detail": {
            "prefix": "acme_live",
            "owner": issued.key.owner_id,
            "scopes": ["invoices:read"],
            "expires": None,
        },
    }


def test_every_change_can_say_from_where(store: KeyStore) -> None:
    by = {"actor": "key:0123456789", "origin": "203.0.113.7"}
    owner = store.add_owner("ops@example.com", **by)
    key = store.issue(prefix="acme_live", owner=owner.email, **by).key
    next(store.issue_many([KeyOrder(prefix="acme_live", owner="new@example.com")], **by))
    successor = store.rotate(key.id, **by).key
    store.rename(successor.id, "renamed", **by)
    store.set_scopes(successor.id, ["invoices:read"], **by)
    store.suspend(successor.id, reason="x", **by)
    store.resume(successor.id, **by)
    store.revoke(successor.id, reason="x", **by)
    with store.read() as connection:
        entries = audit.entries(connection)
    assert len(entries) == 11
    assert {(entry.actor, entry.origin) for entry in entries} == {tuple(by.values())}


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE kf_audit SET actor = 'somebody else' WHERE seq = 7", "entry 7 is not what"),
        ("UPDATE kf_audit SET at = at + 1 WHERE seq = 1", "entry 1 is not what"),
        ("DELETE FROM kf_audit WHERE seq = 7", "entry 7 is missing"),
        ("DELETE FROM kf_audit WHERE seq > 12", "entries after 12 are missing"),
        (
            """INSERT INTO kf_audit SELECT 16, at, actor, origin, action, subject, detail,
               pepper_version, mac FROM kf_audit WHERE seq = 15""",
            "entry 16 is not what",
        ),
        (
            """UPDATE kf_audit SET seq = CASE seq WHEN 3 THEN -4 ELSE -3 END WHERE seq IN (3, 4);
               UPDATE kf_audit SET seq = -seq WHERE seq < 0""",
            "entry 3 is not what",
        ),
        ("UPDATE kf_audit SET pepper_version = 9 WHERE seq = 4", "entry 4 needs pepper 9"),
    ],
)
def test_an_altered_record_is_noticed(busy: KeyStore, tampering: str, problem: str) -> None:
    execute(busy, *tampering.split(";"))
    found = report(busy)
    assert found.problem is not None
    assert found.problem.startswith(problem)


def test_a_record_without_its_head_accepts_no_more(busy: KeyStore) -> None:
    with busy.begin() as connection:
        connection.execute(text("DELETE FROM kf_audit_head"))
    with pytest.raises(DatabaseDamaged):
        busy.add_owner("x@example.com")
    assert report(busy).problem == "entries after 15 are missing"


def test_another_pepper_cannot_forge_the_record(busy: KeyStore) -> None:
    assert report(busy, PepperRing({1: b"x" * 32})).problem == "entry 1 is not what was written"


def test_a_key_in_an_entry_is_cut(store: KeyStore) -> None:
    token = make_key().reveal()
    with store.begin() as connection:
        store.audit.append(
            connection,
            action="note",
            actor=token,
            subject=token,
            at=1,
            detail={"text": token},
            origin=token,
        )
    with store.read() as connection:
        assert token[-38:] not in str(audit.entries(connection))
    assert report(store).problem is None


def test_the_chain_is_read_in_pages(store: KeyStore) -> None:
    with store.begin() as connection:
        for number in range(1001):
            store.audit.append(connection, action="note", actor="x", subject=str(number), at=number)
    assert report(store) == (1001, None)


def test_entries_of_a_block_are_written_together_at_its_end_each_as_it_was_said(
    store: KeyStore,
) -> None:
    said = [
        ("ada", 1, None),
        ("ada", 2, "203.0.113.7"),
        ("ada", 2, "203.0.113.7"),
        ("bob", 2, None),
    ]
    with store.begin() as connection:
        with store.audit.gathering(connection) as gathered:
            for number, (actor, at, origin) in enumerate(said):
                gathered.append(
                    connection,
                    action="note",
                    actor=actor,
                    subject=str(number),
                    at=at,
                    detail={"number": number},
                    origin=origin,
                )
            assert audit.entries(connection) == []
        entries = audit.entries(connection)
    assert [(one.actor, one.at_us, one.origin) for one in entries] == said
    assert [(one.subject, one.detail) for one in entries] == [
        (str(number), {"number": number}) for number in range(4)
    ]
    assert report(store) == (4, None)


def test_entries_of_a_block_that_fails_are_not_written(store: KeyStore) -> None:
    with store.begin() as connection:

        def fail() -> None:
            with store.audit.gathering(connection) as gathered:
                gathered.append(connection, action="note", actor="x", subject="x", at=1)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert audit.entries(connection) == []
    assert report(store) == (0, None)
