"""Which deliveries are asked for again: those that mean something, in time, and not for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_webhook.missed import MOST_ATTEMPTS, Attempt, missed, read_attempt

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def attempt(number, minutes_ago, guid="g", event="push", *, taken=False):
    return Attempt(number, guid, NOW - timedelta(minutes=minutes_ago), event, taken)


def due(*attempts):
    return missed(attempts, ["push"], NOW)


def test_a_failed_delivery_is_due_after_a_minute():
    assert due(attempt(1, 0.9)) == []
    assert due(attempt(1, 1)) == [1]


def test_one_attempt_that_was_taken_is_enough():
    assert due(attempt(1, 90), attempt(2, 60, taken=True)) == []
    assert due(attempt(2, 60), attempt(1, 90, taken=True)) == []


def test_the_latest_attempt_is_asked_for_and_the_pause_doubles():
    assert due(attempt(1, 60), attempt(2, 3), attempt(3, 1)) == []
    assert due(attempt(3, 4), attempt(1, 60), attempt(2, 30)) == [3]


def test_what_always_fails_is_given_up():
    tried = [attempt(number, 4000 - number) for number in range(MOST_ATTEMPTS)]
    assert due(*tried[:-1]) == [MOST_ATTEMPTS - 2]
    assert due(*tried) == []


def test_other_events_and_those_out_of_reach_are_left_alone():
    assert due(attempt(1, 60, event="star"), attempt(2, 3 * 24 * 60, guid="h")) == []


def test_the_oldest_comes_first():
    assert due(attempt(1, 5, "a"), attempt(2, 50, "b"), attempt(3, 20, "c")) == [2, 3, 1]


ENTRY = {
    "id": 7, "guid": "g", "delivered_at": "2026-11-25T11:00:00Z", "event": "push",
    "status_code": 502, "redelivery": False, "status": "Bad Gateway",
}  # fmt: skip


def test_an_entry_is_read():
    assert read_attempt(ENTRY) == attempt(7, 60)
    assert read_attempt(ENTRY | {"status_code": 202}).taken
    assert read_attempt(ENTRY | {"delivered_at": "2026-11-25T11:00:00"}).at == NOW - timedelta(
        hours=1
    )


@pytest.mark.parametrize(
    "change",
    [{"id": "7"}, {"id": True}, {"guid": None}, {"event": 1}, {"delivered_at": None},
     {"delivered_at": "yesterday"}],
)  # fmt: skip
def test_an_entry_that_is_not_understood_is_none(change):
    assert read_attempt(ENTRY | change) is None


@given(
    st.lists(
        st.builds(
            attempt,
            st.integers(0, 9),
            st.floats(0, 4000),
            st.sampled_from("abc"),
            taken=st.booleans(),
        )
    )
)
def test_nothing_that_was_taken_is_ever_asked_for_and_nothing_twice(attempts):
    found = due(*attempts)
    by_guid = {one.guid: one.taken for one in sorted(attempts, key=lambda one: one.taken)}
    assert len(found) <= sum(not taken for taken in by_guid.values())
