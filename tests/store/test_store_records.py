"""Lists of owners, incidents and the audit record, in both directions; the chain in parts."""

import pytest

from keyfuse_store import Issued, KeyStore, audit
from keyfuse_store.chain import START, Head
from keyfuse_store.errors import LeakNotFound, OwnerNotFound
from keyfuse_store.evidence import Evidence
from keyfuse_store.times import from_micros
from support.backends import execute
from support.leaking import record_leak


def test_owners_are_found_by_address_and_name(store: KeyStore) -> None:
    one = store.add_owner("Ops@example.com", name="Operations")
    two = store.add_owner("b@example.com")
    assert store.owners() == [two, one]
    assert store.owners(search="OPER") == [one]
    assert store.owners(search="b@EX") == [two]
    assert store.owners(search="%") == []
    assert store.owners(after=two.id, limit=1) == [one]
    assert store.owner("ops@EXAMPLE.com") == one
    with pytest.raises(OwnerNotFound):
        store.owner("nobody@example.com")


def test_incidents_are_listed_in_both_directions(store: KeyStore, clock) -> None:
    found = []
    for number in range(3):
        issued = store.issue(prefix="acme_live", owner=f"o{number}@example.com")
        found.append(record_leak(store, issued, Evidence("report", "possession")).leak)
        clock.now += 1
    assert store.leaks() == found
    assert store.leaks(newest_first=True) == found[::-1]
    assert store.leaks(after=found[0].id, limit=1) == [found[1]]
    assert store.leaks(after=found[2].id, newest_first=True) == [found[1], found[0]]
    assert store.leaks(owner="o1@example.com") == [found[1]]
    assert store.leaks(state="resolved") == []
    assert store.leak(found[0].id) == store.leak(found[0].key_id)
    with pytest.raises(LeakNotFound):
        store.leak("leak_0000000000000000")
    with pytest.raises(LeakNotFound):
        store.leaks(after="leak_0000000000000000")


def test_entries_are_listed_in_both_directions_and_from_a_moment_on(
    store: KeyStore, issued: Issued, clock
) -> None:
    begun = clock.now
    clock.now += 1_000_000
    later = clock.now
    store.suspend(issued.key.id, reason="test")
    # A clock that was set back: what it writes is older than what stands before it.
    clock.now = begun - 1_000_000
    store.resume(issued.key.id)
    whole = store.entries()
    assert [entry.seq for entry in whole] == [1, 2, 3, 4]
    assert store.entries(newest_first=True) == whole[::-1]
    assert store.entries(after=3, newest_first=True, limit=1) == [whole[1]]
    assert store.entries(since=from_micros(begun)) == whole[:3]
    assert store.entries(since=from_micros(later), newest_first=True) == [whole[2]]
    assert store.entries(since=from_micros(later), action="key.resumed") == []


def test_the_chain_is_verified_in_parts(store: KeyStore, issued: Issued) -> None:
    for _ in range(5):
        store.suspend(issued.key.id, reason="test")
        store.resume(issued.key.id)
    parts, last, more = 0, Head(0, START), True
    with store.read() as connection:
        while more:
            report, last, more = audit.verify_part(connection, store.peppers, last, limit=5)
            assert report.problem is None
            parts += 1
    assert parts == 3
    assert (report.checked, last) == (12, store.verify_record()[1])
    execute(store, "UPDATE kf_audit SET subject = 'x' WHERE seq = 7")
    with store.read() as connection:
        first = audit.verify_part(connection, store.peppers, Head(0, START), limit=5)
        second = audit.verify_part(connection, store.peppers, first[1], limit=5)
        behind = audit.verify_part(connection, store.peppers, Head(20, START), limit=5)
    assert (first[0].problem, first[2]) == (None, True)
    assert (second[0].problem, second[2]) == ("entry 7 is not what was written", False)
    assert behind[0].problem == "entries after 20 are missing"
