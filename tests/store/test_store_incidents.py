"""The incident record: what is believed of claims, and everything in one answer."""

from datetime import timedelta

import pytest

from keyfuse_store import Issued, KeyStore, incidents, leak_steps
from keyfuse_store.evidence import Evidence
from keyfuse_store.incidents import Incident
from keyfuse_store.leak_steps import Step
from support.leaking import record_leak

DAY = timedelta(days=1)
MICROS = 86_400_000_000


def read(store: KeyStore, issued: Issued, *evidence: Evidence) -> Incident:
    for one in evidence:
        leak = record_leak(store, issued, one).leak
    with store.read() as connection:
        return incidents.read(connection, leak, store.clock())


def claim(at: int, trust: str = "scan") -> Evidence:
    return Evidence("scan", trust, url=f"https://x.example/{at}", claimed_us=at)


def test_earliest_possible_claim_counts(store: KeyStore, issued: Issued, clock) -> None:
    born = clock.now
    clock.advance(10 * DAY)
    two, five = claim(born + 2 * MICROS), claim(born + 5 * MICROS)
    assert read(store, issued, five, two).claimed_us == two.claimed_us


@pytest.mark.parametrize("trust", ["scan", "signed"])
def test_claim_from_before_the_key_was_there_is_cut(
    store: KeyStore, issued: Issued, clock, trust: str
) -> None:
    clock.advance(DAY)
    assert read(store, issued, claim(0, trust)).claimed_us == issued.key.created_us


def test_claim_from_the_future_or_of_a_stranger_counts_for_nothing(
    store: KeyStore, issued: Issued, clock
) -> None:
    clock.advance(10 * DAY)
    later, stranger = claim(clock.now + 1), claim(clock.now - MICROS, "possession")
    assert read(store, issued, later, stranger).claimed_us is None


def test_use_is_counted_from_the_claim_to_the_death(store: KeyStore, issued: Issued, clock) -> None:
    clock.advance(DAY)
    claimed = clock.now
    clock.advance(DAY)
    store.verify(issued.token)
    used = clock.now
    clock.advance(DAY)
    incident = read(store, issued, claim(claimed))
    store.flush()
    store.revoke(issued.key.id, reason="leaked")
    clock.advance(DAY)
    incident = read(store, issued, claim(claimed))
    assert incident.use == (1, used)
    assert read(store, issued, claim(claimed)).key.state == "revoked"


def test_incident_as_programs_see_it(store: KeyStore, issued: Issued) -> None:
    leak = record_leak(store, issued, Evidence("scan", "scan", commit="c" * 40)).leak
    with store.begin() as connection:
        leak_steps.note(connection, leak.id, Step("mail", "done", "", store.clock()))
    shown = read(store, issued, Evidence("scan", "scan", commit="c" * 40)).as_json()
    assert shown["id"] == leak.id
    assert shown["use"] == {"valid": 0, "last": None}
    assert [one["commit"] for one in shown["evidence"]] == ["c" * 40]
    assert [step["step"] for step in shown["steps"]] == ["mail"]
    assert shown["key"]["owner"] == issued.key.owner
