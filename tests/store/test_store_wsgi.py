"""The WSGI middleware: the same decisions as over ASGI, in the words of PEP 3333."""

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from keyfuse_store import Issued, KeyStore
from keyfuse_store.openapi import BEARER, HEADER, secured, security_schemes
from keyfuse_store.wsgi import APIKeyMiddleware, Need
from support.hunt import hunted
from support.keys import make_key


def behind(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    verdict = environ["keyfuse.verdict"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"nobody" if verdict is None else verdict.key.id.encode()]


def call(
    app: Any, path: str = "/invoices", query: str = "", **environ: str
) -> tuple[str, Any, str]:
    """Send one request through WSGI itself, watched by the validator of the standard library."""
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": path, "QUERY_STRING": query}
    environ.setdefault("REMOTE_ADDR", "203.0.113.7")
    answered: list[Any] = []

    def start_response(status: str, headers: Any, exc_info: object = None) -> Any:
        answered.extend([status, dict(headers)])
        return lambda _: None

    body = validator(app)(environ, start_response)
    text = b"".join(body).decode()
    body.close()  # type: ignore[attr-defined]
    hunted(repr(answered[1]).encode(), text.encode())
    return answered[0], answered[1], text


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


def test_a_key_may_come_in_each_of_the_headers(
    guarded: APIKeyMiddleware, issued: Issued, token: str
) -> None:
    for environ in (
        {"HTTP_AUTHORIZATION": f"Bearer {token}"},
        {"HTTP_AUTHORIZATION": f"  bearer\t{token} "},
        {"HTTP_X_API_KEY": token},
        {"HTTP_X_ACME_KEY": token},
    ):
        assert call(guarded, **environ)[::2] == ("200 OK", issued.key.id)


@pytest.mark.parametrize(
    ("environ", "status", "code"),
    [
        ({}, "401 Unauthorized", "key_missing"),
        ({"HTTP_AUTHORIZATION": "Basic eDp5"}, "401 Unauthorized", "key_missing"),
        ({"HTTP_X_API_KEY": "x"}, "401 Unauthorized", "invalid_token"),
        ({"HTTP_X_API_KEY": "\xff\xe9"}, "401 Unauthorized", "invalid_token"),
        ({"HTTP_X_API_KEY": "x" * 10_000}, "401 Unauthorized", "invalid_token"),
        ({"HTTP_X_API_KEY": "x,y"}, "400 Bad Request", "invalid_request"),
        ({"HTTP_X_API_KEY": "x", "HTTP_X_ACME_KEY": "x"}, "400 Bad Request", "invalid_request"),
        ({"query": "access_token=x"}, "400 Bad Request", "invalid_request"),
    ],
)
def test_the_others_are_answered(
    guarded: APIKeyMiddleware, environ: dict[str, str], status: str, code: str
) -> None:
    got, headers, text = call(guarded, **environ)
    assert (got, json.loads(text)["code"]) == (status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["www-authenticate"].startswith('Bearer realm="api"')


def test_a_key_in_the_url_is_refused(guarded: APIKeyMiddleware, token: str) -> None:
    assert call(guarded, query=f"a={token}")[0] == "400 Bad Request"
    assert call(guarded, path=f"/{token}")[0] == "400 Bad Request"
    assert call(guarded, path="/\xc3\xbc", HTTP_X_API_KEY=token)[0] == "200 OK"


def test_unknown_and_revoked_keys_get_one_answer(
    store: KeyStore, guarded: APIKeyMiddleware, issued: Issued, token: str
) -> None:
    store.revoke(issued.key.id, reason="leaked")
    unknown = call(guarded, HTTP_X_API_KEY=make_key().reveal())
    assert call(guarded, HTTP_X_API_KEY=token) == unknown
    assert unknown[0] == "401 Unauthorized"


def test_scopes_needs_and_limits(store: KeyStore, token: str) -> None:
    status, headers, _ = call(APIKeyMiddleware(behind, store, scopes=["a:b"]), HTTP_X_API_KEY=token)
    assert (status, 'scope="a:b"' in headers["www-authenticate"]) == ("403 Forbidden", True)
    needs = {"/healthz": None, "/invoices": Need(scopes=["invoices:read"])}
    app = APIKeyMiddleware(behind, store, need=lambda environ: needs[environ["PATH_INFO"]])
    assert call(app, "/healthz")[2] == "nobody"
    assert call(app, "/invoices", HTTP_X_API_KEY=token)[0] == "200 OK"
    limited = store.issue(prefix="acme_live", owner="a@example.com", rate_limit="1/day")
    key = {"HTTP_X_API_KEY": limited.token.reveal()}
    assert call(guarded_by(store), **key)[0] == "200 OK"
    status, headers, _ = call(guarded_by(store), **key)
    assert status == "429 Too Many Requests"
    assert headers["retry-after"] == "86400"


def guarded_by(store: KeyStore) -> APIKeyMiddleware:
    return APIKeyMiddleware(behind, store)


def test_the_address_is_that_of_the_connection(store: KeyStore) -> None:
    key = store.issue(prefix="acme_live", owner="a@example.com", addresses=["203.0.113.7"])
    headers = {"HTTP_X_API_KEY": key.token.reveal()}
    assert call(guarded_by(store), **headers)[0] == "200 OK"
    elsewhere = headers | {"REMOTE_ADDR": "198.51.100.1", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}
    assert call(guarded_by(store), **elsewhere)[0] == "403 Forbidden"


def test_head_has_no_body(guarded: APIKeyMiddleware) -> None:
    status, headers, text = call(guarded, REQUEST_METHOD="HEAD")
    assert (status, text) == ("401 Unauthorized", "")
    assert int(headers["Content-Length"]) > 0


def test_a_mistake_in_the_arguments_is_told_at_once(store: KeyStore) -> None:
    with pytest.raises(ValueError, match="need"):
        APIKeyMiddleware(behind, store, need=lambda _: None, any_of=["a:b"])
    with pytest.raises(ValueError, match="header"):
        APIKeyMiddleware(behind, store, header="authorization")


def test_an_openapi_document_says_how_to_bring_the_key() -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Invoices", "version": "1"},
        "paths": {"/healthz": {"get": {"security": [], "responses": {}}}},
        "components": {"schemas": {"x": {}}, "securitySchemes": {"other": {"type": "http"}}},
    }
    before = json.dumps(document)
    answer = secured(document, header="X-Acme-Key")
    assert json.dumps(document) == before
    assert answer["security"] == [{BEARER: []}, {HEADER: []}]
    assert set(answer["components"]["securitySchemes"]) == {"other", BEARER, HEADER}
    assert answer["components"]["schemas"] == {"x": {}}
    assert answer["components"]["securitySchemes"][HEADER]["name"] == "X-Acme-Key"
    assert security_schemes()[HEADER]["name"] == "X-API-Key"
    assert set(security_schemes()) == set(secured({})["components"]["securitySchemes"])
