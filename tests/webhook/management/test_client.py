"""The client has the methods of the store, gives its values and raises its errors."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from keyfuse_rules import Secret
from keyfuse_store import InvalidField, KeyNotFound, KeyStore, OwnerNotFound
from keyfuse_store.chain import Head
from keyfuse_store.changes import KeyChanges
from keyfuse_store.client import ManagementClient
from keyfuse_store.connection import Connection
from keyfuse_store.errors import (
    AlreadyDone,
    KeysRefused,
    LeakNotFound,
    NotPermitted,
    ServerError,
    SettingsError,
    StateConflict,
    VersionConflict,
)
from keyfuse_store.evidence import Evidence
from keyfuse_store.importing import OldKey
from keyfuse_store.issue import KeyOrder
from support.leaking import record_leak
from support.management import ADMIN, Api

SECOND = timedelta(seconds=1)
OLD = [OldKey(KeyOrder(prefix="acme_old", owner="o@example.com"), "00")]
SERVER = "https://keys.example.com"
pytestmark = pytest.mark.shows_key


class ToService(httpx.BaseTransport):
    """Carries the client's requests to the application in this process."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        answer = self._service.request(
            request.method,
            request.url.raw_path.decode(),
            content=request.content,
            headers=request.headers,
        )
        headers = [pair for pair in answer.headers.items() if pair[0] != "content-length"]
        return httpx.Response(answer.status_code, headers=headers, content=answer.content)


@pytest.fixture
def open_client(api: Api) -> Iterator[Callable[..., ManagementClient]]:
    opened = []

    def start(*scopes: str) -> ManagementClient:
        token = api.holding(*(scopes or (ADMIN,)))._token
        assert token is not None
        opened.append(ManagementClient(SERVER, Secret(token), transport=ToService(api.service)))
        return opened[-1]

    yield start
    for client in opened:
        client.close()


@pytest.fixture
def client(open_client: Callable[..., ManagementClient]) -> ManagementClient:
    return open_client()


def answering(*answers: httpx.Response | Exception) -> httpx.MockTransport:
    """A server that says these things, one after the other."""
    waiting = iter(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        said = next(waiting)
        if isinstance(said, Exception):
            raise said
        return said

    return httpx.MockTransport(answer)


def alone(*answers: httpx.Response | Exception) -> ManagementClient:
    found = ManagementClient(SERVER, Secret("x"), transport=answering(*answers))
    found._server._sleep = lambda _: None
    return found


def test_the_life_of_a_key_is_the_stores(client: ManagementClient, api: Api) -> None:
    store: KeyStore = api.store
    issued = client.issue(
        prefix="acme_live",
        owner="owner@example.com",
        name="ci",
        scopes=["invoices:read"],
        meta={"team": "a"},
        expires_in=timedelta(days=90),
        rate_limit="100/minute",
        quota="10000/month",
        addresses=["10.0.0.0/8"],
    )
    assert issued.key == store.get(issued.key.id)
    key_id = issued.key.id
    assert client.verify(issued.token, scopes=["invoices:read"], client_address="10.1.1.1").ok
    assert client.verify(issued.token.reveal()).code == "address_denied"
    changed = client.change(
        key_id,
        KeyChanges(name="new", rate_limit=None, expires_in=timedelta(hours=36), addresses=[]),
        version=issued.key.version,
    )
    assert (changed.name, changed.rate_limit, changed.addresses) == ("new", None, ())
    assert changed == store.get(key_id)
    with pytest.raises(VersionConflict):
        client.change(key_id, KeyChanges(name="x"), version=issued.key.version)
    assert client.change(key_id, KeyChanges(expires_at=None)).expires is None
    assert client.suspend(key_id, reason="test").state == "suspended"
    with pytest.raises(StateConflict):
        client.rotate(key_id)
    assert client.resume(key_id).state == "active"
    rotated = client.rotate(key_id, overlap=timedelta(0))
    assert rotated.predecessor.successor_id == rotated.key.id
    assert store.verify(rotated.token).ok
    dead = client.revoke(key_id, reason="done", evidence={"ticket": 7})
    assert (dead.state, dead.revoke_evidence) == ("revoked", {"ticket": 7})
    store.flush()
    assert client.usage(key_id) == store.usage(key_id)
    assert [key.id for key in client.list(prefix="acme_live", sort="newest")] == [
        rotated.key.id,
        key_id,
    ]
    verdict = client.verify(issued.token)
    assert (verdict.code, verdict.key) == ("revoked", store.get(key_id))


def test_any_duration_is_the_stores_to_the_second(client: ManagementClient) -> None:
    """What is left until some date is hardly ever a whole number of days."""
    order = {"prefix": "acme_live", "owner": "owner@example.com"}
    for length in (timedelta(days=30, seconds=1), timedelta(seconds=1.5), timedelta(days=900_000)):
        issued = client.issue(**order, expires_in=length)  # type: ignore[arg-type]
        assert issued.key.expires is not None
        assert issued.key.expires - issued.key.created == length // SECOND * SECOND
    rotated = client.rotate(issued.key.id, overlap=timedelta(days=30, seconds=1))
    assert rotated.predecessor.overlap_until is not None
    assert rotated.predecessor.overlap_until - rotated.key.created == timedelta(days=30, seconds=1)


@pytest.mark.parametrize(
    "odd", [90, "90d", timedelta(days=-1), timedelta(days=10**6 * 4), timedelta.max]
)
def test_an_odd_duration_is_named_as_the_store_names_it(client: ManagementClient, odd: Any) -> None:
    order = {"prefix": "acme_live", "owner": "owner@example.com"}
    key_id = client.issue(**order).key.id  # type: ignore[arg-type]
    with pytest.raises(InvalidField, match="expires_in"):
        client.issue(**order, expires_in=odd)
    with pytest.raises(InvalidField, match="expires_in"):
        client.change(key_id, KeyChanges(expires_in=odd))
    with pytest.raises(InvalidField, match="overlap"):
        client.rotate(key_id, overlap=odd)


def test_owners_incidents_and_the_record_are_the_stores(client: ManagementClient, api: Api) -> None:
    store: KeyStore = api.store
    owner = client.add_owner("o@example.com", name="O")
    assert client.owner("O@example.com") == client.owner(owner.id) == store.owner(owner.id)
    assert client.owners(search="o@") == store.owners(search="o@")
    issued = store.issue(prefix="acme_live", owner=owner.id)
    record_leak(store, issued, Evidence("report", "possession", "a forum"))
    found = client.leak(issued.key.id).as_json()
    assert json.dumps(found) == json.dumps(store.leak(issued.key.id).as_json())
    assert [leak.as_json() for leak in client.leaks(state="open")] == [
        leak.as_json() for leak in store.leaks()
    ]
    assert client.entries() == store.entries()
    assert client.entries(newest_first=True, limit=1) == store.entries(newest_first=True, limit=1)
    assert client.verify_record() == store.verify_record()
    assert list(client.export_record()) == list(store.export_record())
    head = Head(2, bytes(32))
    assert client.verify_record([head]) == store.verify_record([head])
    assert client.jobs() == ()


def test_errors_are_the_stores(
    client: ManagementClient, open_client: Callable[..., ManagementClient], api: Api
) -> None:
    order: dict[str, Any] = {"prefix": "acme_live", "owner": "o@example.com"}
    with pytest.raises(InvalidField, match="prefix: "):
        client.issue(**order | {"prefix": "ghp"})
    with pytest.raises(KeyNotFound):
        client.get("0000000000")
    with pytest.raises(InvalidField, match="key_id"):
        client.get("../../v1/owners")
    with pytest.raises(OwnerNotFound):
        client.owner("nobody@example.com")
    with pytest.raises(LeakNotFound):
        client.leak("../keys")
    with pytest.raises(ServerError, match="404"):
        client.job("none")
    writer = open_client("keyfuse:keys.write")
    with pytest.raises(NotPermitted) as refused:
        writer.revoke(api.key_id, reason="mine")
    assert refused.value.scopes == (ADMIN,)
    with pytest.raises(ServerError, match="403"):
        writer.get(api.key_id)


def test_an_order_whose_answer_was_lost_is_made_once(api: Api) -> None:
    token = api.holding(ADMIN)._token
    assert token is not None
    inner = ToService(api.service)

    class Losing(httpx.BaseTransport):
        lost = False

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = inner.handle_request(request)
            if not self.lost:
                self.lost = True
                raise httpx.ReadError("gone")
            return answer

    client = ManagementClient(SERVER, Secret(token), transport=Losing())
    client._server._sleep = lambda _: None
    with pytest.raises(AlreadyDone) as done:
        client.issue(prefix="acme_live", owner="o@example.com")
    assert [key.id for key in api.store.list(prefix="acme_live")] == [done.value.key_id]


def test_a_server_that_is_away_is_tried_again_but_no_change_is_made_twice() -> None:
    gone = httpx.ConnectError("gone")
    page = httpx.Response(200, json={"keys": [], "next": None})
    assert alone(gone, gone, page).list() == []
    with pytest.raises(ServerError, match="cannot be reached"):
        alone(gone, gone, gone).list()
    with pytest.raises(ServerError, match="cannot be reached"):
        alone(gone, page).suspend("0" * 10, reason="once")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"keys": "no"}),
        httpx.Response(302, headers={"Location": "https://evil.example/"}),
        httpx.Response(500, content=b"\xff"),
        httpx.Response(502, json=[1]),
        httpx.Response(403, json={"title": "\x1b[31mred\nline", "code": 7}),
    ],
)
def test_whatever_a_server_says_is_one_harmless_line(answer: httpx.Response) -> None:
    with pytest.raises(ServerError) as error:
        alone(answer).list()
    assert str(error.value).isprintable()


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyfuse_store.connection.ANSWER_MAX", 1000)
    with pytest.raises(ServerError, match="more than can be read"):
        alone(httpx.Response(200, content=b"x" * 2000)).list()


def test_keys_that_are_not_acceptable_are_named_by_their_place() -> None:
    errors = [{"index": 1, "field": "hash", "problem": "is none"}, {"index": "x"}, 7]
    answer = httpx.Response(422, json={"code": "invalid_field", "errors": errors})
    with pytest.raises(KeysRefused) as error:
        alone(answer).import_keys(OLD)
    ((place, wrong),) = error.value.wrong
    assert (place, wrong.field, wrong.problem) == (1, "hash", "is none")


@pytest.mark.parametrize(
    "server",
    [
        "keys.example.com",
        "ftp://keys.example.com",
        "http://keys.example.com",
        "https://user:word@keys.example.com",
        "https://keys.example.com/?a=b",
        "https://[::1",
        "https://keys.example.com:port",
        "",
    ],
)
def test_a_key_is_sent_to_nowhere_strange(server: str) -> None:
    with pytest.raises(SettingsError, match="--server"):
        Connection(server, Secret("x"))


def test_this_machine_is_reached_without_tls() -> None:
    for server in ("http://127.0.0.1:8787", "http://localhost:8787/", "http://[::1]:8787"):
        Connection(server, Secret("x")).close()
