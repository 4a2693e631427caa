"""The ASGI middleware: which requests pass, and what the others are answered."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from keyfuse_store import InvalidField, Issued, KeyStore, Verdict, lifecycle
from keyfuse_store.answers import refused
from keyfuse_store.asgi import APIKeyMiddleware, Need
from keyfuse_store.settings import Settings
from support.backends import postgresql_only
from support.hunt import hunted
from support.keys import break_checksum, make_key

Headers = Iterable[tuple[str, str | bytes]]


async def behind(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with the id of the key it was called with."""
    verdict = scope["state"]["keyfuse"]
    body = b"nobody" if verdict is None else verdict.key.id.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


class Reply:
    """What came back."""

    def __init__(self, messages: list[Any]) -> None:
        self.messages = messages
        self.status = messages[0].get("status")
        self.headers = {k.decode(): v.decode() for k, v in messages[0].get("headers", [])}
        self.text = b"".join(message.get("body", b"") for message in messages[1:]).decode()
        self.code = json.loads(self.text)["code"] if self.text.startswith("{") else None
        hunted(repr(self.headers).encode(), self.text.encode())


def call(app: Any, headers: Headers = (), path: str = "/invoices", **scope: Any) -> Reply:
    """Send one request through ASGI itself: no client tidies the headers up."""
    path, _, query = path.partition("?")
    raw = [(k.encode(), v if isinstance(v, bytes) else v.encode("latin-1")) for k, v in headers]
    connection = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": raw,
        "client": ("203.0.113.7", 1234),
    } | scope
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(lambda: app(connection, receive, send))
    return Reply(sent)


def bearer(token: str) -> list[tuple[str, str | bytes]]:
    return [("authorization", f"Bearer {token}")]


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Both databases give the same verdicts, as other tests show; one will do here."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def guarded(store: KeyStore) -> APIKeyMiddleware:
    return APIKeyMiddleware(behind, store, header="X-Acme-Key")


@pytest.fixture
def token(issued: Issued) -> str:
    return issued.token.reveal()


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: [("authorization", f"Bearer {token}")],
        lambda token: [("Authorization", f"bearer {token}")],
        lambda token: [("authorization", f" \tBEARER \t {token}  \t")],
        lambda token: [("authorization", f"Bearer secret-token:{token}")],
        lambda token: [("x-api-key", token)],
        lambda token: [("X-API-Key", f"  {token}\t")],
        lambda token: [("x-acme-key", token)],
        lambda token: [("x-api-key", token), ("authorization", "Basic dXNlcjpwYXNz")],
        lambda token: [("x-api-key", token), ("authorization", "Bearer ")],
        lambda token: [("x-api-key", ""), ("authorization", f"Bearer {token}")],
        lambda token: [("x-api-key", token), ("x-other-key", token)],
    ],
)
def test_a_key_may_come_as(
    guarded: APIKeyMiddleware, issued: Issued, token: str, headers: Callable[[str], Headers]
) -> None:
    reply = call(guarded, headers(token))
    assert (reply.status, reply.text) == (200, issued.key.id)


@pytest.mark.parametrize(
    "headers",
    [
        lambda _: [],
        lambda _: [("authorization", "Bearer")],
        lambda _: [("authorization", "Basic dXNlcjpwYXNz")],
        lambda _: [("x-api-key", " ")],
        lambda token: [("authorization", token)],
        lambda token: [("authorization", f"Bearer\xa0{token}")],
        lambda token: [("cookie", f"key={token}")],
        lambda token: [("x-other-key", token)],
    ],
)
def test_without_a_key_the_challenge_has_no_error(
    guarded: APIKeyMiddleware, token: str, headers: Callable[[str], Headers]
) -> None:
    reply = call(guarded, headers(token))
    assert (reply.status, reply.code) == (401, "key_missing")
    assert reply.headers["www-authenticate"] == 'Bearer realm="api"'
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["cache-control"] == "no-store"
    assert int(reply.headers["content-length"]) == len(reply.text)


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: [("authorization", f"Bearer {token}"), ("x-api-key", token)],
        lambda token: [("x-acme-key", token), ("x-api-key", token)],
        lambda token: [("x-api-key", token), ("x-api-key", token)],
        lambda token: [("x-api-key", f"{token}, {token}")],
        lambda token: [("x-api-key", f"{token},")],
        lambda token: [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")],
        lambda token: [("authorization", f"Bearer {token}"), ("authorization", "Basic eDp5")],
        lambda token: [("authorization", f"Bearer {token}, Bearer {token}")],
    ],
)
def test_a_key_in_two_places_is_refused(
    guarded: APIKeyMiddleware, token: str, headers: Callable[[str], Headers]
) -> None:
    reply = call(guarded, headers(token))
    assert (reply.status, reply.code) == (400, "invalid_request")
    assert 'error="invalid_request"' in reply.headers["www-authenticate"]
    assert token not in reply.text


@pytest.mark.parametrize(
    "path",
    [
        "/invoices?access_token=x",
        "/invoices?page=2&API-Key=x",
        "/invoices?X%2DApi%2DKey=x",
        "/invoices?anything={}",
        "/invoices?{}",
        "/keys/{}/invoices",
        "/invoices?next=https%3A%2F%2Fx%2F%3Fk%3D{}",
    ],
)
@pytest.mark.parametrize("also_in_a_header", [True, False])
def test_a_key_in_the_url_is_refused(
    guarded: APIKeyMiddleware, token: str, path: str, *, also_in_a_header: bool
) -> None:
    reply = call(guarded, bearer(token) if also_in_a_header else [], path.format(token))
    assert (reply.status, reply.code) == (400, "invalid_request")
    assert "URL" in reply.text
    assert token not in reply.text


def test_a_key_in_an_encoded_url_is_refused(guarded: APIKeyMiddleware, token: str) -> None:
    encoded = "".join(f"%{ord(letter):02x}" for letter in token)
    assert call(guarded, path=f"/invoices?k={encoded}").status == 400


def test_a_flood_of_key_like_text_in_the_url_is_refused(guarded: APIKeyMiddleware) -> None:
    assert call(guarded, path="/invoices?k=" + ("a_kf1" + "0" * 48) * 100).status == 400


@pytest.mark.parametrize("path", ["/in?q=_kf1", "/a_kf1b?access_token=", "/?key=a&tokens=b"])
def test_an_innocent_url_passes(guarded: APIKeyMiddleware, token: str, path: str) -> None:
    assert call(guarded, bearer(token), path).status == 200


def test_unknown_expired_revoked_and_malformed_keys_get_one_answer(
    store: KeyStore, guarded: APIKeyMiddleware
) -> None:
    def dead(step: str) -> str:
        key = store.issue(prefix="acme_live", owner="a@example.com")
        getattr(store, step)(key.key.id, reason="x")
        return key.token.reveal()

    replies = [
        call(guarded, bearer(token))
        for token in (
            "nonsense",
            "x" * 10_000,
            break_checksum(make_key().reveal()),
            make_key().reveal(),
            dead("revoke"),
            dead("suspend"),
        )
    ]
    assert {reply.status for reply in replies} == {401}
    assert len({(reply.text, *sorted(reply.headers.items())) for reply in replies}) == 1
    assert replies[0].headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize(
    "value",
    [b"\xff\xfe", b"\x00", "Schlüssel".encode(), b"a b c", b"\r\nx: y", b"\x85", b"x" * 100_000],
)
def test_odd_bytes_are_no_key(guarded: APIKeyMiddleware, value: bytes) -> None:
    for headers in ([("authorization", b"Bearer " + value)], [("x-api-key", value)]):
        reply = call(guarded, headers)
        assert (reply.status, reply.code) == (401, "invalid_token")


@given(headers=st.lists(st.tuples(
    st.sampled_from(["authorization", "x-api-key", "x-acme-key", "other"]),
    st.binary(max_size=40) | st.binary(max_size=40).map(b"Bearer ".__add__),
)), query=st.text(st.characters(max_codepoint=255), max_size=40))  # fmt: skip
@hypothesis_settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_that_is_no_key_passes_or_breaks(
    guarded: APIKeyMiddleware, headers: Headers, query: str
) -> None:
    assert call(guarded, headers, f"/?{query}").status in {400, 401}


def test_a_revocation_holds_for_the_next_request(
    store: KeyStore, guarded: APIKeyMiddleware, issued: Issued, token: str
) -> None:
    assert call(guarded, bearer(token)).status == 200
    store.revoke(issued.key.id, reason="leaked")
    assert call(guarded, bearer(token)).status == 401


def test_missing_scopes_are_named(store: KeyStore, token: str) -> None:
    app = APIKeyMiddleware(behind, store, scopes=["invoices:write"], any_of=["a:b"], realm="acme")
    reply = call(app, bearer(token))
    assert (reply.status, reply.code) == (403, "insufficient_scope")
    assert reply.headers["www-authenticate"] == (
        'Bearer realm="acme", error="insufficient_scope", scope="invoices:write a:b"'
    )
    assert (
        call(APIKeyMiddleware(behind, store, scopes=["invoices:read"]), bearer(token)).status == 200
    )


def test_a_quarantined_key_may_do_nothing_unnamed(store: KeyStore, token: str) -> None:
    (key,) = store.match([token])
    assert key is not None
    with store.begin() as connection:
        lifecycle.quarantine(
            connection, store.audit, key.id, allowed=["invoices:read"], reason="x", actor="x", at=1
        )
    reply = call(APIKeyMiddleware(behind, store), bearer(token))
    assert (reply.status, reply.code) == (403, "insufficient_scope")
    assert "scope=" not in reply.headers["www-authenticate"]


def test_each_request_may_need_something_else(store: KeyStore, token: str) -> None:
    needs = {
        "/healthz": None,
        "/invoices": Need(scopes=["invoices:read"]),
        "/users": Need(any_of=["users:read", "users:admin"]),
    }
    app = APIKeyMiddleware(behind, store, need=lambda scope: needs[scope["path"]])
    assert call(app, path="/healthz").text == "nobody"
    assert call(app, bearer(token), "/invoices").status == 200
    assert call(app, bearer(token), "/users").status == 403
    assert call(app, path="/invoices").status == 401


def test_addresses(store: KeyStore) -> None:
    app = APIKeyMiddleware(behind, store)
    key = store.issue(prefix="acme_live", owner="a@example.com", addresses=["203.0.113.0/24"])
    headers = bearer(key.token.reveal())
    assert call(app, headers).status == 200
    for client in (("198.51.100.1", 1), None):
        reply = call(app, headers, client=client)
        assert (reply.status, reply.code) == (403, "address_denied")


@pytest.mark.parametrize(
    ("limit", "policy", "name"),
    [
        ({"rate_limit": "1/minute"}, "q=1;w=60", "default"),
        ({"rate_limit": "fast=1/minute burst=2, day=1/day"}, "q=1;w=86400", "day"),
        ({"quota": "1/month"}, "q=1", "quota"),
    ],
)
def test_a_limited_key_hears_when_to_come_back(
    store: KeyStore, limit: dict[str, str], policy: str, name: str
) -> None:
    app = APIKeyMiddleware(behind, store)
    key = store.issue(prefix="acme_live", owner="a@example.com", **limit)  # type: ignore[arg-type]
    headers = bearer(key.token.reveal())
    assert call(app, headers).status == 200
    reply = call(app, headers)
    assert reply.status == 429
    assert reply.code == ("quota_exceeded" if name == "quota" else "rate_limited")
    wait = int(reply.headers["retry-after"])
    assert wait >= 1
    assert reply.headers["ratelimit-policy"] == f'"{name}";{policy}'
    assert reply.headers["ratelimit"] == f'"{name}";r=0;t={wait}'
    assert "www-authenticate" not in reply.headers


def test_a_limit_that_nobody_could_count_has_no_name() -> None:
    answer = refused(Verdict(ok=False, code="rate_limited", retry_after=0.2), "api")
    assert dict(answer.headers)["retry-after"] == "1"
    assert not any(name.startswith("ratelimit") for name, _ in answer.headers)


def test_a_call_that_never_fits_hears_no_time(store: KeyStore) -> None:
    app = APIKeyMiddleware(behind, store, need=lambda _: Need(cost=5))
    key = store.issue(prefix="acme_live", owner="a@example.com", rate_limit="1/minute")
    reply = call(app, bearer(key.token.reveal()))
    assert reply.status == 429
    assert "retry-after" not in reply.headers
    assert reply.headers["ratelimit"] == '"default";r=0'


def test_a_database_that_is_gone_is_503_and_nobody_passes(
    store: KeyStore, token: str, clock: Any
) -> None:
    app = APIKeyMiddleware(behind, store)
    assert store.database.path is not None
    store.database.path.unlink()
    clock.now += 1_000_000
    reply = call(app, bearer(token))
    assert (reply.status, reply.code) == (503, "unavailable")
    assert int(reply.headers["retry-after"]) > 0


def test_usage_events_say_from_where_and_with_what(environ: dict[str, str], tmp_path: Path) -> None:
    usage = {"EVENTS": "all", "SINK": "file", "FILE": str(tmp_path / "usage.jsonl")}
    settings = Settings.load(environ | {f"KEYFUSE_USAGE_{k}": v for k, v in usage.items()})
    with KeyStore.open(settings=settings) as store:
        key = store.issue(prefix="acme_live", owner="a@example.com")
        token = key.token.reveal()
        for agent in ("curl/8", f"curl {token}", "a\0b"):
            headers = [*bearer(token), ("user-agent", agent)]
            assert call(APIKeyMiddleware(behind, store), headers).status == 200
    (file,) = tmp_path.glob("usage-*.jsonl")
    text = file.read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["key_id"] for event in events] == [key.key.id] * 3
    assert {event["address"] for event in events} == {"203.0.113.7"}
    assert (events[0]["user_agent"], events[2]["user_agent"]) == ("curl/8", None)
    assert token[-38:] not in text


def test_head_has_no_body(guarded: APIKeyMiddleware) -> None:
    reply = call(guarded, method="HEAD")
    assert (reply.status, reply.text) == (401, "")
    assert int(reply.headers["content-length"]) > 0


def test_a_websocket_is_refused_as_the_server_can(guarded: APIKeyMiddleware, token: str) -> None:
    assert call(guarded, type="websocket").messages == [{"type": "websocket.close", "code": 1008}]
    denied = call(guarded, type="websocket", extensions={"websocket.http.response": {}})
    assert denied.messages[0]["type"] == "websocket.http.response.start"
    assert (denied.status, denied.code) == (401, "key_missing")
    assert call(guarded, bearer(token), type="websocket").status == 200


def test_the_lifespan_passes(store: KeyStore) -> None:
    seen = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    anyio.run(lambda: APIKeyMiddleware(app, store)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_a_state_that_is_there_is_kept(guarded: APIKeyMiddleware, token: str) -> None:
    state = {"pool": 7}
    assert call(guarded, bearer(token), state=state).status == 200
    assert state["pool"] == 7


@pytest.mark.parametrize(
    "mistake",
    [
        {"header": "Authorization"},
        {"header": "X Key"},
        {"header": "Schlüssel"},
        {"header": ""},
        {"realm": 'a"b'},
        {"realm": "a\nb"},
        {"need": lambda _: None, "scopes": ["a:b"]},
    ],
)
def test_a_mistake_in_the_arguments_is_told_at_once(
    store: KeyStore, mistake: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"header|realm|need"):
        APIKeyMiddleware(behind, store, **mistake)


@pytest.mark.parametrize("field", ["scopes", "any_of"])
@pytest.mark.parametrize("odd", [["invoices:*"], "invoices:read", [5], None])
def test_a_malformed_scope_is_told_at_once(store: KeyStore, field: str, odd: Any) -> None:
    """Else the application starts, and fails for the first who brings a valid key."""
    with pytest.raises(InvalidField, match=field):
        APIKeyMiddleware(behind, store, **{field: odd})


def test_a_malformed_need_is_a_mistake_of_the_application(store: KeyStore, token: str) -> None:
    need = Need(scopes=["invoices:*"])
    with pytest.raises(InvalidField):
        call(APIKeyMiddleware(behind, store, need=lambda _: need), bearer(token))


def ticks_during(app: Any, token: str) -> int:
    """How often the loop comes round, every hundredth of a second, while a request is served."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async def request() -> None:
        scope = {"type": "http", "path": "/", "headers": [(b"x-api-key", token.encode())]}
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            await app(scope, None, send)
            group.cancel_scope.cancel()
        assert messages[0]["status"] == 200

    anyio.run(request)
    return ticks


@postgresql_only
def test_a_look_up_over_the_network_does_not_hold_up_the_loop(store: KeyStore, token: str) -> None:
    with store.database.begin() as connection:
        connection.execute(text("LOCK TABLE kf_keys"))
        release = threading.Timer(0.3, connection.commit)
        release.start()
        ticks = ticks_during(APIKeyMiddleware(behind, store), token)
        release.join()
    assert ticks > 5


def test_a_quota_that_waits_for_another_writer_does_not_hold_up_the_loop(store: KeyStore) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com", quota="10/day")
    locked, release = threading.Event(), threading.Event()

    def write() -> None:
        with store.begin():
            locked.set()
            release.wait(0.3)

    writer = threading.Thread(target=write)
    writer.start()
    locked.wait()
    if not store.database.embedded:
        release.set()  # there the counters are not in the way of a change: nothing to wait for
    ticks = ticks_during(APIKeyMiddleware(behind, store), issued.token.reveal())
    writer.join()
    assert ticks > 5 or not store.database.embedded
    assert sum(store.verify(issued.token).ok for _ in range(20)) == 9, "counted once"
