"""How limits are written, and that there is no other way."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_store import InvalidField, KeyStore
from keyfuse_store.limits import (
    Quota,
    Rate,
    Refusal,
    admit,
    parse_quota,
    parse_rates,
    quota_text,
    rate_text,
)

MINUTE = 60_000_000


def test_a_bare_rate_allows_as_many_at_once_as_in_its_period() -> None:
    assert parse_rates("100/minute") == (Rate("default", 100, MINUTE, 100),)


def test_several_rates_with_names_and_bursts() -> None:
    text = rate_text("rate_limit", "fast=10/second  burst=20 ,day=5000/day")
    assert text == "fast=10/second burst=20, day=5000/day"
    assert parse_rates(text) == (
        Rate("fast", 10, 1_000_000, 20),
        Rate("day", 5000, 86_400_000_000, 5000),
    )


@pytest.mark.parametrize(
    "text",
    ["", "x", "100", "0/minute", "-1/minute", "1e3/minute", "100/fortnight", "100/Minute",
     "1/second, 2/minute", "a=1/second, a=2/minute", "A=1/second", "1/second burst=0",
     "1/second burst", "1/second,", ", ".join(f"a{n}=1/second" for n in range(5)),
     "1/day burst=400", "9999999999/second", "١/minute", "1/minute\n" + " " * 300, 7, b"1/minute"],
)  # fmt: skip
def test_what_is_no_rate_is_named(text: object) -> None:
    with pytest.raises(InvalidField, match=r"^rate_limit: "):
        rate_text("rate_limit", text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "10", "0/month", "-5/day", "10/second", "10/year", "1.5/day"])
def test_what_is_no_quota_is_named(text: str) -> None:
    with pytest.raises(InvalidField, match=r"^quota: "):
        quota_text("quota", text)


def test_nothing_is_no_limit() -> None:
    assert rate_text("rate_limit", None) is quota_text("quota", None) is None


def test_a_quota_counts_per_calendar_period() -> None:
    assert parse_quota("10000/month") == Quota(10_000, "month")


def test_several_limits_are_stored_and_held(store: KeyStore) -> None:
    issued = store.issue(
        prefix="acme_live",
        owner="a@example.com",
        rate_limit="fast=2/second burst=3, slow=4/minute",
    )
    assert issued.key.rate_limit == "fast=2/second burst=3, slow=4/minute"
    assert [store.verify(issued.token).code for _ in range(4)] == ["valid"] * 3 + ["rate_limited"]
    verdict = store.verify(issued.token)
    assert (verdict.limit, verdict.retry_after) == ("fast", 0.5)


def test_the_limit_that_takes_longest_is_named() -> None:
    rates = parse_rates("a=1/second, b=1/minute")
    state = admit(rates, (0, 0), 1, MINUTE)
    assert not isinstance(state, Refusal)
    assert admit(rates, state, 1, MINUTE) == Refusal("b", 60.0)
    assert admit(rates, state, 2, MINUTE) == Refusal("a", math.inf)


@given(st.integers(1, 10**9 - 1), st.integers(1, 50), st.integers(0, 10**12))
def test_a_burst_is_exact_and_so_is_the_time_to_the_next_call(
    calls: int, burst: int, now: int
) -> None:
    rate = Rate("default", calls, MINUTE, burst)
    state: tuple[int, ...] = (0,)
    for _ in range(burst):
        outcome = admit([rate], state, 1, now)
        assert not isinstance(outcome, Refusal)
        state = outcome
    refusal = admit([rate], state, 1, now)
    assert isinstance(refusal, Refusal)
    free = now + -(-MINUTE // calls)
    assert refusal.wait == MINUTE / calls / 1e6
    assert not isinstance(admit([rate], state, 1, free), Refusal)
    assert isinstance(admit([rate], state, 1, free - 1), Refusal) or free == now
