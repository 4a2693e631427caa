"""The key ring against a stubbed endpoint: what is fetched, when, and what is answered."""

import asyncio
import json

import httpx
import pytest

from keyfuse_webhook.keyring import FRESH, LONGEST_FAILURE_PAUSE, UNKNOWN_PAUSE, KeyRing
from keyfuse_webhook.problem import Refusal
from keyfuse_webhook.standin import SigningKey

URL = "https://api.github.test/meta/public_keys/secret_scanning"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def listing(*keys):
    return {
        "public_keys": [
            {"key_identifier": key.identifier, "key": key.pem, "is_current": not position}
            for position, key in enumerate(keys)
        ]
    }


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def run(clock):
    """Run a test's coroutine with a ring on a client of its own."""

    def runner(test):
        async def inside():
            async with httpx.AsyncClient() as client:
                ring = KeyRing(URL, client, clock)
                try:
                    await test(ring)
                finally:
                    await ring.close()

        asyncio.run(inside())

    return runner


def status(found):
    return found.status if isinstance(found, Refusal) else 200


def test_every_listed_key_is_found_with_one_fetch(httpx_mock, run):
    keys = [SigningKey(), SigningKey(), SigningKey()]
    httpx_mock.add_response(json=listing(*keys))

    async def test(ring):
        for key in keys:
            assert status(await ring.find(key.identifier)) == 200

    run(test)
    (request,) = httpx_mock.get_requests()
    assert request.headers["User-Agent"].startswith("keyfuse/")


def test_requests_at_once_share_one_fetch(httpx_mock, run):
    key = SigningKey()
    httpx_mock.add_response(json=listing(key))

    async def test(ring):
        found = await asyncio.gather(*(ring.find(key.identifier) for _ in range(50)))
        assert [status(one) for one in found] == [200] * 50

    run(test)
    assert len(httpx_mock.get_requests()) == 1


def test_request_that_is_given_up_does_not_take_the_fetch_with_it(httpx_mock, run):
    key = SigningKey()
    httpx_mock.add_response(json=listing(key))

    async def test(ring):
        first = asyncio.create_task(ring.find(key.identifier))
        second = asyncio.create_task(ring.find(key.identifier))
        await asyncio.sleep(0)
        first.cancel()
        assert status(await second) == 200

    run(test)


def test_flood_of_unknown_ids_fetches_once_a_minute(httpx_mock, run, clock):
    key = SigningKey()
    httpx_mock.add_response(json=listing(key), is_reusable=True)

    async def test(ring):
        assert status(await ring.find(key.identifier)) == 200
        for second in range(180):
            for number in range(20):
                assert status(await ring.find(f"made-up-{second}-{number}")) == 401
            assert status(await ring.find(key.identifier)) == 200
            clock.now += 1

    run(test)
    assert len(httpx_mock.get_requests()) == 1 + 3


def test_flood_on_a_cold_ring_fetches_once_a_minute(httpx_mock, run, clock):
    httpx_mock.add_response(json=listing(SigningKey()), is_reusable=True)

    async def test(ring):
        for _ in range(59):
            assert status(await ring.find("made-up")) == 401
            clock.now += 1

    run(test)
    assert len(httpx_mock.get_requests()) == 1


def test_rotation_is_seen_at_once_when_nobody_floods(httpx_mock, run):
    old, new = SigningKey(), SigningKey()
    httpx_mock.add_response(json=listing(old))
    httpx_mock.add_response(json=listing(new, old))

    async def test(ring):
        assert status(await ring.find(old.identifier)) == 200
        assert status(await ring.find(new.identifier)) == 200
        assert status(await ring.find(old.identifier)) == 200

    run(test)


def test_rotation_during_a_flood_is_seen_within_the_minute(httpx_mock, run, clock):
    old, new = SigningKey(), SigningKey()
    httpx_mock.add_response(json=listing(old))
    httpx_mock.add_response(json=listing(old))
    httpx_mock.add_response(json=listing(new, old))

    async def test(ring):
        assert status(await ring.find(old.identifier)) == 200
        assert status(await ring.find("made-up")) == 401  # spends this minute's fetch
        clock.now += UNKNOWN_PAUSE - 1
        assert status(await ring.find(new.identifier)) == 401
        clock.now += 1
        assert status(await ring.find("another")) == 401  # the flood itself brings the new list
        assert status(await ring.find(new.identifier)) == 200

    run(test)


@pytest.mark.parametrize(
    "failure",
    [
        {"status_code": 403},
        {"status_code": 404},
        {"status_code": 429, "headers": {"Retry-After": "30"}},
        {"status_code": 500},
        {"status_code": 302, "headers": {"Location": "https://evil.test/"}},
        {"status_code": 304},
        {"html": "<html>"},
        {"content": b"\xff\xfe"},
        {"content": b"[" * 100_000},
        {"content": b" " * 2_000_000},
        {"json": {"public_keys": []}},
        {"json": {"public_keys": {}}},
        {"json": []},
        {"json": {"public_keys": [{"key_identifier": "x", "key": "no PEM"}, None, {}]}},
    ],
    ids=str,
)
def test_endpoint_that_answers_wrongly_is_503_while_no_list_was_had(httpx_mock, run, failure):
    httpx_mock.add_response(**failure)

    async def test(ring):
        found = await ring.find("any")
        assert status(found) == 503
        assert 1 <= found.retry_after <= LONGEST_FAILURE_PAUSE
        # Straight away again: answered from the failure just had.
        assert status(await ring.find("any")) == 503

    run(test)
    assert len(httpx_mock.get_requests()) == 1


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.ReadError("x")]
)
def test_endpoint_that_cannot_be_reached_is_503_and_soon_tried_again(httpx_mock, run, clock, error):
    key = SigningKey()
    httpx_mock.add_exception(error)
    httpx_mock.add_response(json=listing(key))

    async def test(ring):
        found = await ring.find(key.identifier)
        assert status(found) == 503
        clock.now += found.retry_after
        assert status(await ring.find(key.identifier)) == 200

    run(test)


def test_pauses_between_failed_fetches_grow_to_a_minute(httpx_mock, run, clock):
    httpx_mock.add_response(status_code=500, is_reusable=True)
    pauses = []

    async def test(ring):
        for _ in range(9):
            found = await ring.find("any")
            pauses.append(found.retry_after)
            clock.now += found.retry_after

    run(test)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_list_we_have_stays_good_while_the_endpoint_is_down(httpx_mock, run, clock):
    key = SigningKey()
    httpx_mock.add_response(json=listing(key))
    httpx_mock.add_response(status_code=500, is_reusable=True)

    async def test(ring):
        assert status(await ring.find(key.identifier)) == 200
        for _ in range(10):
            clock.now += FRESH
            assert status(await ring.find(key.identifier)) == 200
            await asyncio.sleep(0.01)
        # About a key it does not have a list this old says nothing: not 401.
        assert status(await ring.find("unknown")) == 503

    run(test)


def test_refresh_is_conditional_and_304_keeps_the_list(httpx_mock, run, clock):
    key = SigningKey()
    httpx_mock.add_response(json=listing(key), headers={"ETag": '"one"'})
    httpx_mock.add_response(status_code=304, match_headers={"If-None-Match": '"one"'})

    async def test(ring):
        assert status(await ring.find(key.identifier)) == 200
        clock.now += FRESH
        for _ in range(3):
            assert status(await ring.find(key.identifier)) == 200
            await asyncio.sleep(0.01)

    run(test)
    assert len(httpx_mock.get_requests()) == 2


def test_key_taken_off_the_list_is_no_longer_accepted_after_the_refresh(httpx_mock, run, clock):
    old, new = SigningKey(), SigningKey()
    httpx_mock.add_response(json=listing(old))
    httpx_mock.add_response(json=listing(new), is_reusable=True)

    async def test(ring):
        assert status(await ring.find(old.identifier)) == 200
        clock.now += FRESH
        await ring.find(old.identifier)
        await asyncio.sleep(0.05)
        assert status(await ring.find(old.identifier)) == 401

    run(test)


def test_identifier_that_is_not_the_hash_of_its_key_is_used_and_warned_about(
    httpx_mock, run, caplog
):
    key = SigningKey()
    entry = {"key_identifier": "renamed", "key": key.pem, "is_current": False}
    httpx_mock.add_response(text=json.dumps({"public_keys": [entry]}))

    async def test(ring):
        assert status(await ring.find("renamed")) == 200

    run(test)
