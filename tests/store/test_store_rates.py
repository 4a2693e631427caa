"""Rate limits are the same model wherever they are counted, in any interleaving."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import count
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from keyfuse_rules import Secret
from keyfuse_store import KeyStore
from keyfuse_store.database import open_database
from keyfuse_store.errors import SettingsError
from keyfuse_store.limits import Refusal, parse_rates
from keyfuse_store.rates import Rates, RatesUnavailable, open_rates
from keyfuse_store.rates.database import DatabaseRates
from keyfuse_store.rates.process import ProcessRates
from keyfuse_store.rates.redis import RedisRates
from keyfuse_store.settings import Settings
from support.redis_server import RedisServer, redis_server

NOW = 1_800_000_000_000_000
TEXTS = (
    "3/second",
    "7/minute burst=2",
    "a=7/second burst=3, b=11/minute, c=1/hour burst=4",
    "999999999/day burst=5",
)

Open = Callable[[], Rates]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = redis_server()
    server.start()
    server.clear()
    yield server
    server.start()


@pytest.fixture(params=["process", "sqlite", "postgresql", "redis"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def backend(place: str) -> str:
    return place


@pytest.fixture
def open_place(place: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the place as another process would; the rates of one process are its own."""
    opened: list[Rates] = []
    alone = ProcessRates()
    databases = []

    def open_one() -> Rates:
        if place == "process":
            return alone
        if place == "redis":
            opened.append(RedisRates(Secret(request.getfixturevalue("redis").url)))
        else:
            databases.append(open_database(request.getfixturevalue("database_url")))
            opened.append(DatabaseRates(databases[-1]))
        return opened[-1]

    yield open_one
    for rates in opened:
        rates.close()
    for database in databases:
        database.close()


@pytest.fixture
def three(open_place: Open) -> list[Rates]:
    return [open_place() for _ in range(3)]


class Buckets:
    """The model: buckets of tokens that fill evenly, in exact fractions."""

    def __init__(self) -> None:
        self.full_at: dict[tuple[str, str, str], Fraction] = {}

    def take(self, key: str, text: str, cost: int, now: int, spend: bool) -> Refusal | None:
        refusals, after = [], {}
        for name, calls, period, burst in parse_rates(text):
            full_at = max(self.full_at.get((key, text, name), Fraction(0)), Fraction(now))
            tokens = burst - (full_at - now) * Fraction(calls, period)
            if tokens < cost:
                wait = (cost - tokens) * Fraction(period, calls) / 1_000_000
                refusals.append(Refusal(name, float(wait) if cost <= burst else math.inf))
            after[key, text, name] = full_at + cost * Fraction(period, calls)
        if not refusals:
            if spend:
                # Another text starts afresh.
                self.full_at = {
                    slot: at for slot, at in self.full_at.items() if slot[0] != key
                } | after
            return None
        return max(refusals, key=lambda refusal: refusal.wait)


examples = count()
calls = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["k1", "k2"]),
        st.integers(1, 6),
        st.sampled_from([0, 1, 1000, 142_857, 500_000, 10_000_000, 600_000_000, -250_000]),
        st.booleans(),
    ),
    max_size=25,
)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=calls, text=st.sampled_from(TEXTS))
def test_every_place_is_the_model(
    three: list[Rates], history: list[tuple[int, str, int, int, bool]], text: str
) -> None:
    # Each example has keys of its own: the places remember those of the one before.
    number, model, now = next(examples), Buckets(), NOW
    for who, key, cost, moved, spend in history:
        now += moved
        key_id = f"{key}-{number}"
        rates = three[who]
        answer = (rates.take if spend else rates.look)(key_id, text, cost, now)
        expected = model.take(key_id, text, cost, now, spend)
        assert (answer is None) == (expected is None)
        if answer is not None and expected is not None:
            assert answer.limit == expected.limit
            assert answer.wait == pytest.approx(expected.wait, rel=1e-12, abs=1e-9)


def test_other_limits_start_afresh(open_place: Open) -> None:
    rates = open_place()
    assert rates.take("k", "1/minute", 1, NOW) is None
    assert rates.take("k", "1/minute", 1, NOW) == Refusal("default", 60.0)
    assert rates.take("k", "2/minute", 2, NOW) is None


def test_threads_share_one_limit(open_place: Open) -> None:
    rates, allowed = open_place(), []

    def work() -> None:
        allowed.extend(rates.take("k", "50/hour", 1, NOW) is None for _ in range(20))

    threads = [Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(allowed), sum(allowed)) == (100, 50)


HAMMER = """
import sys
from keyfuse_store.database import open_database
from keyfuse_store.rates import open_rates
from keyfuse_store.settings import Settings
settings = Settings.load()
rates = open_rates(settings, open_database(settings.database_url))
taken = [0, 0]
limits, now = "a=200/hour, b=300/day burst=250", int(sys.argv[1])
for number in range(150):
    for key in (0, 1):
        taken[key] += rates.take(f"k{key}", limits, 1, now) is None
print(*taken)
"""


@pytest.mark.parametrize("place", ["sqlite", "postgresql", "redis"], indirect=True)
def test_four_processes_take_exactly_the_burst(
    place: str, request: pytest.FixtureRequest, home: object
) -> None:
    environ = {"KEYFUSE_HOME": str(home)}
    if place == "redis":
        environ |= {
            "KEYFUSE_LIMITS": "redis",
            "KEYFUSE_REDIS_URL": request.getfixturevalue("redis").url,
        }
    else:
        url = request.getfixturevalue("database_url")
        environ |= {"KEYFUSE_LIMITS": "database", "KEYFUSE_DATABASE_URL": url}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(NOW)],
            stdout=subprocess.PIPE, text=True, env=os.environ | environ,
        )
        for _ in range(4)
    ]  # fmt: skip
    taken = [tuple(map(int, worker.communicate()[0].split())) for worker in workers]
    assert [sum(column) for column in zip(*taken, strict=True)] == [200, 200]


def test_redis_down_is_said_at_once_and_not_asked_for_a_moment(redis: RedisServer) -> None:
    rates = RedisRates(Secret(redis.url))
    assert rates.take("k", "5/minute", 1, NOW) is None
    redis.stop()
    with pytest.raises(RatesUnavailable, match="does not answer"):
        rates.take("k", "5/minute", 1, NOW)
    redis.start()
    with pytest.raises(RatesUnavailable, match="a moment ago"):
        rates.take("k", "5/minute", 1, NOW)
    rates._paused_until = 0.0
    assert rates.look("k", "5/minute", 1, NOW) is None
    rates.close()


@pytest.mark.parametrize(
    "stored", ["9" * 400, "9" * 30, "0 " + "9" * 30, "x", "", "-5", b"\xff", None]
)
def test_what_is_not_ours_in_redis_counts_as_nothing(redis: RedisServer, stored: Any) -> None:
    rates = RedisRates(Secret(redis.url))
    assert rates.take("k", "1/minute", 1, NOW) is None
    with closing(Redis.from_url(redis.url)) as client:
        (name,) = client.keys("kf:rates:k:*")
        client.delete(name)
        if stored is None:
            client.lpush(name, "1")
        else:
            client.set(name, stored)
    assert rates.look("k", "1/minute", 1, NOW) is None
    assert rates.take("k", "1/minute", 1, NOW) is None
    assert rates.take("k", "1/minute", 1, NOW) == Refusal("default", 60.0)
    rates.close()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fail", ["open", "closed"])
def test_limits_fail_as_configured_and_validity_never(
    home: object,
    database_url: str,
    redis: RedisServer,
    fail: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    code = "valid" if fail == "open" else "rate_limited"
    settings = Settings.load(
        {
            "KEYFUSE_HOME": str(home),
            "KEYFUSE_DATABASE_URL": database_url,
            "KEYFUSE_LIMITS": "redis",
            "KEYFUSE_REDIS_URL": redis.url,
            "KEYFUSE_LIMITS_FAIL": fail,
        }
    )
    with KeyStore.open(settings=settings, peppers={1: b"p" * 32}) as store:
        limited = store.issue(prefix="acme_live", owner="a@example.com", rate_limit="1/hour")
        both = store.issue(
            prefix="acme_live", owner="a@example.com", rate_limit="1/hour", quota="1/month"
        )
        assert store.verify(limited.token).ok
        assert store.verify(limited.token).code == "rate_limited"
        redis.stop()
        for _ in range(3):
            verdict = store.verify(limited.token)
            assert verdict.code == code
        assert verdict.retry_after == (None if fail == "open" else 1.0)
        codes = [store.verify(both.token).code for _ in range(2)]
        assert codes == [code, "quota_exceeded" if fail == "open" else code]
        store.revoke(limited.key.id, reason="leaked")
        assert store.verify(limited.token).code == "revoked"
    assert "rate-limited calls" in caplog.text


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_locked_database_is_said(database_url: str) -> None:
    database = open_database(database_url)
    rates = DatabaseRates(database)
    assert rates.take("k", "2/minute", 1, NOW) is None
    with database.begin(), pytest.raises(RatesUnavailable, match="locked"):
        rates.take("k", "2/minute", 1, NOW)
    assert rates.take("k", "2/minute", 1, NOW) is None
    rates.close()
    database.close()


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_a_dead_connection_is_replaced(database_url: str) -> None:
    database = open_database(database_url)
    rates = DatabaseRates(database)
    assert rates.take("k", "2/minute", 1, NOW) is None
    rates._held.local.value.close()
    assert rates.take("k", "2/minute", 1, NOW) is None
    assert rates.take("k", "2/minute", 1, NOW) is not None
    database.generation += 1
    assert rates.take("k", "2/minute", 1, NOW + 30_000_000) is None
    rates.close()
    database.close()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("environ", "message"),
    [({}, "KEYFUSE_REDIS_URL"), ({"KEYFUSE_REDIS_URL": "http://nowhere"}, "redis_url: must be")],
)
def test_redis_needs_a_url_of_its_own(
    home: object, database_url: str, environ: dict[str, str], message: str
) -> None:
    settings = Settings.load({"KEYFUSE_HOME": str(home), "KEYFUSE_LIMITS": "redis"} | environ)
    database = open_database(database_url)
    with pytest.raises(SettingsError, match=message):
        open_rates(settings, database)
    database.close()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_missing_client_is_named(
    home: object, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    environ = {"KEYFUSE_LIMITS": "redis", "KEYFUSE_REDIS_URL": "redis://localhost"}
    database = open_database(database_url)
    with pytest.raises(SettingsError, match="pip install"):
        open_rates(Settings.load({"KEYFUSE_HOME": str(home)} | environ), database)
    database.close()


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_a_table_that_is_gone_is_said(database_url: str) -> None:
    database = open_database(database_url)
    rates = DatabaseRates(database)
    assert rates.look("k", "2/minute", 1, NOW) is None
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE kf_rates RENAME TO kf_lost")
    with pytest.raises(RatesUnavailable, match="refused"):
        rates.take("k", "2/minute", 1, NOW)
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE kf_lost RENAME TO kf_rates")
    assert rates.take("k", "2/minute", 1, NOW) is None
    rates.close()
    database.close()
