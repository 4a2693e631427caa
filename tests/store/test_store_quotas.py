"""Quotas: never over-spent, whatever is killed; what is wasted stays within what is stated."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from keyfuse_store import Issued, KeyStore
from keyfuse_store.errors import WouldWait
from keyfuse_store.limits import Quota, parse_quota
from keyfuse_store.periods import period_of
from keyfuse_store.quotas import Quotas, lease_size
from keyfuse_store.settings import Settings
from support.backends import execute

PEPPERS = {1: b"p" * 32}
NOW = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z

Open = Callable[[], Quotas]


@pytest.fixture
def open_quotas(store: KeyStore) -> Iterator[Open]:
    """Opens the quotas of a database as another process would."""
    opened: list[Quotas] = []

    def open_one(largest_lease: int = 1000) -> Quotas:
        opened.append(Quotas(store.database, largest_lease))
        return opened[-1]

    yield open_one
    for quotas in opened:
        quotas.close()


def limited(store: KeyStore, quota: str, **options: str) -> Issued:
    return store.issue(prefix="acme_live", owner="a@example.com", quota=quota, **options)


@pytest.mark.parametrize(
    ("unit", "start", "end"),
    [
        ("minute", "2024-02-29T23:59:00", "2024-03-01T00:00:00"),
        ("hour", "2024-02-29T23:00:00", "2024-03-01T00:00:00"),
        ("day", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
        ("month", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
    ],
)
def test_periods_are_those_of_the_calendar(unit: str, start: str, end: str) -> None:
    def micros(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000

    period = period_of(unit, micros("2024-02-29T23:59:59"))
    assert (period.start, period.end) == (micros(start), micros(end))
    assert period_of(unit, period.end).start == period.end


def test_the_end_of_december() -> None:
    december = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    period = period_of("month", int(december.timestamp()) * 1_000_000)
    assert period.end == int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def test_a_quota_ends_and_begins_anew_with_its_period(store: KeyStore, clock) -> None:
    issued = limited(store, "3/day")
    assert [store.verify(issued.token).code for _ in range(4)] == ["valid"] * 3 + ["quota_exceeded"]
    verdict = store.verify(issued.token)
    assert (verdict.limit, verdict.retry_after) == ("quota", 16 * 3600)
    clock.advance(timedelta(hours=16))
    assert store.verify(issued.token, cost=3).ok
    assert store.verify(issued.token, cost=0).ok, "looking costs nothing"
    assert store.verify(issued.token, cost=4).retry_after is None, "it never fits"


def test_all_limits_are_checked_before_any_is_consumed(store: KeyStore, clock) -> None:
    issued = limited(store, "3/day", rate_limit="2/minute")
    assert [store.verify(issued.token).code for _ in range(3)] == ["valid"] * 2 + ["rate_limited"]
    clock.advance(timedelta(minutes=1))
    assert store.verify(issued.token, cost=2).code == "quota_exceeded"
    assert store.verify(issued.token).ok, "the refusals before consumed nothing of either"
    assert store.verify(issued.token).code == "quota_exceeded"
    assert store.verify(issued.token, cost=2).code == "rate_limited", "the rate limit comes first"


def test_another_quota_counts_on(store: KeyStore) -> None:
    issued = limited(store, "1000/month")
    for _ in range(3):
        assert store.verify(issued.token).ok
    execute(store, "UPDATE kf_keys SET quota = '4/month'")
    assert [store.verify(issued.token).code for _ in range(2)] == ["valid", "quota_exceeded"]
    execute(store, "UPDATE kf_keys SET quota = '1/day'")
    assert [store.verify(issued.token).code for _ in range(2)] == ["valid", "quota_exceeded"]


@pytest.mark.parametrize(
    ("quota", "largest", "size"),
    [("20000/day", 1000, 100), ("1/day", 1000, 1), ("199/day", 1000, 1), ("1000000/day", 50, 50)],
)
def test_how_much_a_crash_can_waste(quota: str, largest: int, size: int) -> None:
    assert lease_size(parse_quota(quota), largest) == size


def test_who_ends_properly_wastes_nothing(open_quotas: Open) -> None:
    for _ in range(10):
        quotas = open_quotas()
        assert quotas.take("k", "2000/month", 1, NOW) is None
        quotas.close()
    last = open_quotas()
    assert sum(last.take("k", "2000/month", 1, NOW) is None for _ in range(2000)) == 1990


def test_a_lease_is_not_spent_in_another_period(open_quotas: Open) -> None:
    quotas, other = open_quotas(), open_quotas()
    assert quotas.take("k", "20000/hour", 1, NOW) is None
    later = NOW + 3_600_000_000
    quotas.give_back("k", "20000/hour", 1, NOW - 1)
    assert sum(quotas.take("k", "20000/hour", 500, later) is None for _ in range(41)) == 40
    quotas.give_back("k", "20000/hour", 1, NOW)
    assert other.take("k", "20000/hour", 1, later) is not None
    # A clock that is behind counts in the later period, and cannot wind it back.
    assert other.take("k", "20000/hour", 1, NOW) is not None


def test_a_child_does_not_spend_the_lease_of_its_parent(open_quotas: Open) -> None:
    quotas = open_quotas()
    assert quotas.take("k", "20000/hour", 1, NOW) is None
    quotas.forget_parent()
    assert sum(quotas.take("k", "20000/hour", 1, NOW) is None for _ in range(20_000)) == 19_900


spending = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 8)), max_size=30)


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=spending, calls=st.integers(1, 40), largest=st.integers(1, 10))
def test_no_history_over_spends_and_lease_one_is_exact(
    store: KeyStore, history: list[tuple[int, int, int]], calls: int, largest: int
) -> None:
    execute(store, "DELETE FROM kf_quotas")
    several = [Quotas(store.database, largest) for _ in range(3)]
    spent = 0
    for who, cost, action in history:
        if action == 0:
            several[who].close()
        elif several[who].take("k", f"{calls}/day", cost, NOW) is None:
            spent += cost
        elif lease_size(Quota(calls, "day"), largest) == 1:
            assert spent + cost > calls, "there was enough left"
        assert spent <= calls
    for quotas in several:
        quotas.close()


def test_whoever_does_not_wait_is_told_so_and_spends_nothing(open_quotas: Open) -> None:
    quotas = open_quotas()
    with pytest.raises(WouldWait):
        quotas.take("k", "2000/month", 1, NOW, wait=False)
    assert quotas.take("k", "2000/month", 1, NOW) is None
    assert quotas.take("k", "2000/month", 9, NOW, wait=False) is None, "the rest of the lease"
    for text in ("2000/month", "3000/month"):
        with pytest.raises(WouldWait):
            quotas.take("k", text, 1, NOW, wait=False)
    with quotas._lock, pytest.raises(WouldWait):
        quotas.take("k", "2000/month", 1, NOW, wait=False)
    assert sum(quotas.take("k", "2000/month", 1, NOW) is None for _ in range(2000)) == 1990


def test_threads_share_a_lease(open_quotas: Open) -> None:
    quotas, allowed = open_quotas(), []

    def work() -> None:
        allowed.extend(quotas.take("k", "1000/day", 1, NOW) is None for _ in range(300))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 1000


SPENDER = """
import sys
from keyfuse_store.database import open_database
from keyfuse_store.quotas import Quotas
from keyfuse_store.settings import Settings
settings = Settings.load()
quotas = Quotas(open_database(settings.database_url), int(sys.argv[1]))
spent = 0
print(0, flush=True)
sys.stdin.readline()
while quotas.take("k", sys.argv[2], 1, int(sys.argv[3])) is None:
    print(1, flush=True)
quotas.close()
"""


def spend(environ: dict[str, str], largest: int, quota: str, *, kill: bool) -> list[int]:
    """Let four processes spend a quota, one of them killed half way; what each of them spent."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, str(largest), quota, str(NOW)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environ,
        )
        for _ in range(4)
    ]  # fmt: skip
    counts = [0] * 4

    def count(number: int) -> None:
        for line in workers[number].stdout or ():
            counts[number] += int(line)

    threads = [Thread(target=count, args=(number,)) for number in range(4)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "0\n"
    for worker, thread in zip(workers, threads, strict=True):
        assert worker.stdin is not None
        thread.start()
        worker.stdin.write("\n")
        worker.stdin.flush()
    killed = None
    while kill and killed is None:
        # Not always the same one: nothing says that each of them gets a part.
        some = parse_quota(quota).calls // 20
        killed = next((workers[at] for at in range(4) if counts[at] >= some), None)
        time.sleep(0.005)
    if killed is not None:
        killed.send_signal(signal.SIGKILL)
    for worker, thread in zip(workers, threads, strict=True):
        thread.join()
        assert worker.wait() == (-signal.SIGKILL if worker is killed else 0)
        for pipe in (worker.stdin, worker.stdout):
            assert pipe is not None
            pipe.close()
    return counts


def test_four_processes_and_a_kill_waste_at_most_one_lease(
    store: KeyStore, environ: dict[str, str]
) -> None:
    counts = spend(environ, 1000, "20000/month", kill=True)
    assert 20_000 - lease_size(Quota(20_000, "month"), 1000) <= sum(counts) <= 20_000


def test_lease_one_is_exact_in_four_processes(store: KeyStore, environ: dict[str, str]) -> None:
    assert sum(spend(environ, 1, "400/month", kill=False)) == 400


def test_a_quota_that_cannot_be_counted_is_unavailable(
    store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    issued = limited(store, "5/month")
    execute(store, "ALTER TABLE kf_quotas RENAME TO kf_lost")
    assert store.verify(issued.token).code == "unavailable"
    execute(store, "ALTER TABLE kf_lost RENAME TO kf_quotas")
    assert store.verify(issued.token).ok
    assert "a quota could not be counted" in caplog.text


def test_a_lease_that_cannot_be_given_back_is_said(
    settings: Settings, store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    issued = limited(store, "20000/month")
    with KeyStore.open(settings=settings, peppers=PEPPERS) as other:
        assert other.verify(issued.token).ok
        execute(store, "ALTER TABLE kf_quotas RENAME TO kf_lost")
    assert "what was leased of quotas is lost" in caplog.text
