"""Leaks: one incident per key, each piece of evidence once."""

import pytest

from keyfuse_store import Issued, KeyStore, audit, leaks, receipts
from keyfuse_store.evidence import EVIDENCE_MAX, Evidence, evidence_of
from keyfuse_store.leaks import LeakAction, Recorded
from support.keys import make_key

GITHUB = Evidence("github", "signed", "commit", "https://github.com/a/b/blob/c", 17)


def record(
    store: KeyStore, issued: Issued, evidence: Evidence, action: LeakAction = "revoke", receipt="r1"
) -> Recorded:
    with store.begin() as connection:
        return leaks.record(
            connection,
            store.audit,
            issued.key,
            evidence,
            action=action,
            receipt_id=receipt,
            actor=evidence.origin,
            at=store.clock(),
        )


def test_the_same_report_twice_adds_nothing(store: KeyStore, issued: Issued) -> None:
    first = record(store, issued, GITHUB)
    assert (first.new_leak, first.new_evidence) == (True, True)
    again = record(store, issued, GITHUB, receipt="r2")
    assert again == (first.leak, False, False)
    other = record(store, issued, Evidence("report", "possession", url="https://x"), receipt="r2")
    assert other == (first.leak, False, True)
    with store.read() as connection:
        kept = evidence_of(connection, first.leak.id)
        entries = audit.entries(connection, subject=issued.key.id)
        assert leaks.page(connection, receipt_id="r1", owner_id=issued.key.owner_id) == [first.leak]
        assert leaks.page(connection, receipt_id="r2") == []
        assert leaks.page(connection, state="open") == [first.leak]
        assert leaks.page(connection, after=first.leak.id) == []
        assert leaks.for_key(connection, issued.key.id) == first.leak
        assert leaks.get(connection, "leak_none") is None
    assert {one.evidence.origin for one in kept} == {"github", "report"}
    assert {one.receipt_id for one in kept} == {"r1", "r2"}
    assert [entry.action for entry in entries].count("leak.recorded") == 2


def test_a_stronger_action_is_remembered_and_a_weaker_one_is_not(
    store: KeyStore, issued: Issued
) -> None:
    for action, after in [("notify", "notify"), ("revoke", "revoke"), ("quarantine", "revoke")]:
        assert record(store, issued, GITHUB, action).leak.action == after


def test_evidence_without_end_is_bounded_and_leaves_room_for_better(
    store: KeyStore, issued: Issued
) -> None:
    for number in range(EVIDENCE_MAX + 1):
        recorded = record(
            store, issued, Evidence("report", "possession", url=f"https://x/{number}")
        )
    assert not recorded.new_evidence
    assert record(store, issued, GITHUB).new_evidence


def test_a_key_in_the_evidence_is_cut(store: KeyStore, issued: Issued) -> None:
    token = make_key().reveal()
    leak = record(store, issued, Evidence("report", "possession", token, f"https://x/?k={token}"))
    with store.read() as connection:
        assert token[-38:] not in str(evidence_of(connection, leak.leak.id))


def test_the_response_is_marked(store: KeyStore, issued: Issued) -> None:
    leak = record(store, issued, GITHUB).leak
    with store.begin() as connection:
        assert leaks.mark(connection, leak.id, "notified")
        assert not leaks.mark(connection, leak.id, "notified")
        found = leaks.get(connection, leak.id)
    assert found is not None
    assert found.as_json() | {"id": ""} == {
        "id": "",
        "key_id": issued.key.id,
        "owner_id": issued.key.owner_id,
        "action": "revoke",
        "state": "notified",
        "first_seen": "2027-01-15T08:00:00Z",
    }


def test_a_receipt_is_opened_and_closed_once(store: KeyStore) -> None:
    with store.begin() as connection:
        assert receipts.open_receipt(connection, "r1", origin="github", at=1)
        assert not receipts.open_receipt(connection, "r1", origin="github", at=2)
        assert receipts.close_receipt(connection, "r1", at=3)
        assert not receipts.close_receipt(connection, "r1", at=4)
        assert not receipts.close_receipt(connection, "r2", at=4)
        assert receipts.get(connection, "r1") == receipts.Receipt("r1", "github", 1, 3)
        assert receipts.get(connection, "r2") is None


@pytest.mark.parametrize("wrong", ["delete", "silence"])
def test_an_unknown_action_never_reaches_the_database(
    store: KeyStore, issued: Issued, wrong: str
) -> None:
    from keyfuse_store.errors import DatabaseError

    with pytest.raises(DatabaseError):
        record(store, issued, GITHUB, wrong)  # type: ignore[arg-type]
