"""What is counted in memory is what was called, in whichever way and order it is told."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from keyfuse_store.sinks import Call
from keyfuse_store.tally import Hours, count_calls, count_used
from keyfuse_store.times import HOUR

times = st.integers(0, 3 * HOUR)
key_ids = st.sampled_from(["0000000001", "0000000002", "0000000003"])
bunches = st.tuples(times, st.lists(key_ids))
calls = st.builds(
    Call,
    at=times,
    key_id=st.none() | key_ids,
    code=st.sampled_from(["valid", "revoked", "unknown"]),
    cost=st.integers(0, 5),
    scopes=st.just(""),
    address=st.none(),
    agent=st.none(),
)


@given(st.lists(bunches | st.lists(calls)))
def test_counts_are_those_of_the_calls(steps: list[tuple[int, list[str]] | list[Call]]) -> None:
    hours: Hours = {}
    codes: Counter[tuple[int, str]] = Counter()
    made: list[tuple[int, str | None, str, int]] = []
    for step in steps:
        if isinstance(step, tuple):
            count_used(hours, codes, *step)
            made += ((step[0], key_id, "valid", 1) for key_id in step[1])
        else:
            count_calls(hours, codes, step)
            made += ((call.at, call.key_id, call.code, call.cost) for call in step)
    assert +codes == Counter((at - at % HOUR, code) for at, _, code, _ in made)
    told = {(hour, key_id): counts for hour, of in hours.items() for key_id, counts in of.items()}
    assert told.keys() == {(at - at % HOUR, key_id) for at, key_id, _, _ in made if key_id}
    for (hour, key_id), counts in told.items():
        mine = [one for one in made if one[1] == key_id and one[0] - one[0] % HOUR == hour]
        valid = [one for one in mine if one[2] == "valid"]
        assert counts == (
            len(valid),
            len(mine) - len(valid),
            sum(cost for *_, cost in valid),
            max((at for at, *_ in valid), default=0),
        )
