"""Requests of people who mean no good: every one is answered, and nothing comes of it."""

import json

import pytest

from support.keys import make_key
from support.management import Api, problem

ORDER = {"prefix": "acme_live", "owner": "owner@example.com"}
MARKUP = "<script>alert(1)</script>\"'&{{7*7}}"


def raw(api: Api, path: str, body: bytes, kind: str = "application/json", **headers: str) -> object:
    return problem(api.send("POST", path, content=body, headers={"Content-Type": kind, **headers}))


BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"{}",
    b'{"prefix": "acme_live", "owner": false}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "admin": 1}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "admin": "true"}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "scopes": "a:b"}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "colour": "purple"}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "name": "\\ud800"}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "name": "\xff"}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "expires_at": "tomorrow"}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "expires_at": "2999-01-01T00:00:00"}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "expires_in": 90}',
    b'{"prefix": "acme_live", "owner": "o@example.com", "meta": ' + b"[" * 50_000,
    b'{"prefix": "acme_live", "owner": "o@example.com", "meta": {"a": 1e999}}',
)


REPEATED = ("colour", "purple", "tomorrow", "o@example")


def test_a_body_that_is_not_clear_is_refused_and_not_repeated(api: Api) -> None:
    for body in BODIES:
        answer = api.send(
            "POST", "/v1/keys", content=body, headers={"Content-Type": "application/json"}
        )
        assert problem(answer) == (400, "invalid_request"), body[:80]
        assert not any(word in answer.text for word in REPEATED)
    assert api.store.list(prefix="acme_live") == []


def test_only_json_is_taken_so_that_no_form_of_another_site_will_do(api: Api) -> None:
    body = json.dumps(ORDER).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert raw(api, "/v1/keys", body, kind) == (415, "unsupported_media_type"), kind
    encoded = raw(api, "/v1/keys", body, **{"Content-Encoding": "gzip"})
    assert encoded == (415, "unsupported_media_type")
    assert api.store.list(prefix="acme_live") == []


def test_no_answer_lets_another_site_read_it(api: Api) -> None:
    answer = api.send("GET", "/v1/keys", headers={"Origin": "https://evil.example"})
    assert not any(name.startswith("access-control") for name in answer.headers)
    preflight = api.send("OPTIONS", "/v1/keys", headers={"Origin": "https://evil.example"})
    assert problem(preflight)[0] == 405


def test_an_oversized_body_is_refused_before_it_is_read(api: Api) -> None:
    order = ORDER | {"meta": {"a": "x" * 70_000}}
    assert problem(api.post("/v1/keys", order)) == (413, "body_too_large")
    keys = {"keys": [{"hash": "x" * 400, **ORDER}] * 500, "pad": "x" * 5_000_000}
    assert problem(api.post("/v1/keys/import", keys)) == (413, "body_too_large")


def test_no_host_that_a_request_names_comes_back(api: Api) -> None:
    for path in ("/v1/keys/", "/docs/", "/openapi.json/", "/readyz/", "/v1/evil.example"):
        answer = api.send(
            "GET", path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        )
        assert answer.status_code == 404, path
        assert "evil" not in f"{answer.headers}{answer.text}"


@pytest.mark.shows_key
def test_a_made_key_is_named_without_a_host(api: Api) -> None:
    answer = api.send("POST", "/v1/keys", json=ORDER, headers={"Host": "evil.example"})
    assert answer.headers["location"].startswith("/v1/keys/")


def test_tricks_with_paths_lead_nowhere(api: Api) -> None:
    key_id = api.issue().key.id
    for path in (
        "/v1/keys/%2e%2e/keys",
        "/v1//keys",
        f"/v1/keys/{key_id}%00",
        f"/v1/keys/{key_id}%0d%0aX-Evil:%201",
        f"/v1/keys/{key_id};a=b",
        f"/V1/keys/{key_id}",
        f"/v1/keys/{key_id}/",
        f"/v1/keys/{key_id}/revoke/",
        f"/v1/keys/{key_id}%2f..%2frevoke",
        "/v1/jobs/..%2f..%2fetc%2fpasswd",
        "/v1/leaks/%27%20OR%201=1--",
    ):
        answer = api.send("GET", path)
        assert answer.status_code == 404, path
        assert "x-evil" not in answer.headers
    assert api.store.get(key_id).state == "active"


def test_markup_is_kept_as_it_is_and_comes_back_as_json_alone(api: Api) -> None:
    issued = api.issue(name=MARKUP[:100], meta={"note": MARKUP})
    path = f"/v1/keys/{issued.key.id}"
    api.post(f"{path}/revoke", {"reason": MARKUP, "evidence": {"url": MARKUP}})
    answer = api.send("GET", path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body = answer.json()
    assert (body["name"], body["revoke_reason"], body["meta"]) == (
        MARKUP[:100],
        MARKUP,
        {"note": MARKUP},
    )


def test_a_key_in_a_wrong_place_is_refused_and_not_repeated(api: Api) -> None:
    token = make_key().reveal()
    for answer in (
        api.send("GET", f"/v1/keys/{token}"),
        api.send("GET", "/v1/keys", params={"search": token}),
        api.send("GET", "/v1/audit", params={"subject": token}),
        api.send("GET", "/v1/keys", params={"api_key": "x"}),
    ):
        assert problem(answer) == (400, "invalid_request")
    for body in (ORDER | {"name": token}, ORDER | {"meta": {"a": token}}):
        assert problem(api.post("/v1/keys", body)) == (422, "invalid_field")
    api.post(f"/v1/keys/{api.issue().key.id}/suspend", {"reason": f"leaked: {token}"})
    assert token[-38:] not in api.send("GET", "/v1/audit").text


def test_whoever_guesses_is_slowed_down(api: Api) -> None:
    stranger = api.with_token("guess")
    statuses = [stranger.send("GET", "/v1/keys").status_code for _ in range(62)]
    assert statuses[:60] == [401] * 60
    slowed = stranger.send("GET", "/v1/keys")
    assert problem(slowed) == (429, "rate_limited")
    assert int(slowed.headers["retry-after"]) >= 1
    assert api.send("GET", "/v1/keys").status_code == 200


def test_a_database_that_is_gone_is_said_so(api: Api) -> None:
    path = api.store.database.path
    assert path is not None
    path.rename(path.with_suffix(".away"))
    answer = api.send("GET", "/v1/keys")
    path.with_suffix(".away").rename(path)
    assert answer.status_code == 503
    assert str(path) not in answer.text
    assert api.send("GET", "/v1/keys").status_code == 200


def test_a_bug_says_nothing_about_itself(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(type(api.store), "list", broken)
    answer = api.send("GET", "/v1/keys")
    assert problem(answer) == (500, "internal_error")
    assert "secret" not in answer.text
