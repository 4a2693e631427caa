"""How a store is doing as a whole, counted by the database."""

from datetime import timedelta

from keyfuse_store import Issued, KeyStore, leaks, lifecycle, statistics, usage_rows
from keyfuse_store.evidence import Evidence
from keyfuse_store.times import DAY, HOUR, from_micros
from support.keys import break_checksum, make_key

MINUTE = timedelta(minutes=1)


def another(store: KeyStore, **options: object) -> Issued:
    return store.issue(prefix="acme_live", owner="owner@example.com", **options)  # type: ignore[arg-type]


def leak(store: KeyStore, key_id: str, claimed_us: int | None) -> None:
    """An incident that has not yet come to its end."""
    evidence = Evidence("github", "signed", "commit", claimed_us=claimed_us)
    with store.begin() as connection:
        leaks.record(
            connection,
            store.audit,
            store.get(key_id),
            evidence,
            action="revoke",
            receipt_id="rcpt_1",
            actor="github",
            at=store.clock(),
        )


def test_keys_are_counted_by_what_they_are_now(store: KeyStore, issued: Issued, clock) -> None:
    ends = another(store, expires_in=timedelta(hours=1))
    rotated = store.rotate(issued.key.id, overlap=timedelta(hours=2))
    store.suspend(another(store).key.id, reason="test")
    store.revoke(another(store, expires_in=timedelta(hours=1)).key.id, reason="test")
    with store.begin() as connection:
        lifecycle.quarantine(
            connection,
            store.audit,
            rotated.key.id,
            allowed=["a:b"],
            reason="test",
            actor="test",
            at=store.clock(),
        )
        assert statistics.keys_by_state(connection, clock()) == {
            "active": 2,
            "quarantined": 1,
            "suspended": 1,
            "revoked": 1,
        }
    clock.advance(timedelta(hours=3))
    with store.read() as connection:
        assert statistics.keys_by_state(connection, clock()) == {
            "expired": 2,
            "quarantined": 1,
            "suspended": 1,
            "revoked": 1,
        }
    assert store.verify(ends.token).code == "expired"


def test_verdicts_are_counted_with_and_without_a_key(
    store: KeyStore, issued: Issued, clock
) -> None:
    text = issued.token.reveal()
    first = clock() - clock() % HOUR
    for _ in range(3):
        store.verify(text)
    store.verify(break_checksum(text))
    store.verify(make_key("acme_live").reveal())
    store.verify("nonsense")
    store.flush()
    clock.advance(timedelta(hours=1))
    store.verify(text, cost=7)
    store.verify(text, scopes=["other:read"])
    store.flush()
    with store.read() as connection:
        assert statistics.calls_by_hour(connection, 0) == [
            (first, 3, 3),
            (first + HOUR, 1, 1),
        ]
        assert statistics.refusals(connection, 0) == {
            "malformed": 2,
            "insufficient_scope": 1,
            "unknown": 1,
        }
        assert statistics.refusals(connection, first + HOUR) == {"insufficient_scope": 1}


def test_counts_of_hours_are_forgotten_in_time(store: KeyStore, clock) -> None:
    store.verify("nonsense")
    store.flush()
    with store.begin() as connection:
        usage_rows.drop_hours(connection, clock() + HOUR)
        assert statistics.calls_by_hour(connection, 0) == []


def test_leaks_and_how_fast_they_ended(store: KeyStore, issued: Issued, clock) -> None:
    today = clock() - clock() % DAY
    commit = clock() - 600_000_000
    with store.read() as connection:
        assert statistics.response(connection, 0) == (0, None, None)
    leak(store, issued.key.id, commit)
    clock.advance(2 * MINUTE)
    store.revoke(issued.key.id, reason="leaked")
    unsaid = another(store).key.id
    clock.advance(timedelta(days=1))
    leak(store, unsaid, None)
    clock.advance(4 * MINUTE)
    store.revoke(unsaid, reason="leaked")
    leak(store, another(store).key.id, None)
    with store.read() as connection:
        assert statistics.leaks_by_day(connection, 0) == {today: 1, today + DAY: 2}
        assert statistics.leaks_by_day(connection, today + DAY) == {today + DAY: 2}
        assert statistics.leaks_by_state(connection) == {"open": 3}
        found = statistics.response(connection, 0)
    assert found == (2, 180_000_000, 720_000_000)
    assert from_micros(today).hour == 0


def test_a_key_that_was_dead_before_waited_for_nobody(store: KeyStore, issued: Issued) -> None:
    store.revoke(issued.key.id, reason="test")
    store.clock.advance(MINUTE)  # type: ignore[attr-defined]
    leak(store, issued.key.id, None)
    with store.read() as connection:
        assert statistics.response(connection, 0) == (1, 0, None)
