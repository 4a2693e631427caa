"""Reading bodies: bounded in size, in time, and in what all of them take together."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from keyfuse_webhook import bodies
from keyfuse_webhook.bodies import BUSY, TOO_SLOW, BodyRoom, read_body


def request(*pieces, pause=0.0):
    waiting = list(pieces)

    async def receive():
        await asyncio.sleep(pause)
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    return Request({"type": "http", "headers": []}, receive)


def test_bodies_together_take_no_more_than_the_room_and_give_it_back():
    room = BodyRoom(10)

    async def both():
        with room.share() as one, room.share() as two:
            first = await read_body(request(b"123456"), 100, one)
            second = await read_body(request(b"12345"), 100, two)
        with room.share() as three:
            return first, second, await read_body(request(b"1234567890"), 100, three)

    assert asyncio.run(both()) == (b"123456", BUSY, b"1234567890")


def test_what_was_taken_before_a_refusal_is_given_back():
    room = BodyRoom(10)
    for _ in range(3):
        with room.share() as share:
            pieces = [b"123456", b"123456"]
            assert asyncio.run(read_body(request(*pieces), 100, share)) == BUSY
    assert room.take(10)


def test_body_that_comes_too_slowly_is_refused(monkeypatch):
    monkeypatch.setattr(bodies, "SLOWEST", 0.05)
    assert asyncio.run(read_body(request(b"1", b"2", b"3", pause=0.03), 100)) == TOO_SLOW


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=10), st.integers(0, 100))
def test_room_is_whole_again_whatever_was_read(pieces, most):
    room = BodyRoom(most)
    with room.share() as share:
        outcome = asyncio.run(read_body(request(*pieces), 1000, share))
        assert outcome == (b"".join(pieces) if sum(map(len, pieces)) <= most else BUSY)
    assert room.take(most)
