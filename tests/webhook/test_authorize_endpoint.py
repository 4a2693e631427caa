"""`/v1/authorize`: exactly 200 for who may pass, and only what gateways hand on for the others."""

import pytest

from keyfuse_store import lifecycle
from support.keys import make_key


def ask(service, token=None, *, path="/v1/authorize", method="GET", **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        given["Authorization"] = f"Bearer {token}"
    return service.request(method, path, headers=given)


def test_a_valid_key_is_200_and_says_whose_it_is(service):
    issued = service.issue(scopes=["invoices:read", "users:*"])
    answer = ask(service, issued.token.reveal(), X_Keyfuse_Require_Scopes="invoices:read")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-keyfuse-key-id"] == issued.key.id
    assert answer.headers["x-keyfuse-owner"] == "owner@example.com"
    assert answer.headers["x-keyfuse-scopes"] == "invoices:read users:*"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_any_method_will_do(service, method):
    token = service.issue().token.reveal()
    assert ask(service, token, method=method).status_code == 200
    assert ask(service, method=method).status_code == 401


def test_the_path_behind_the_prefix_does_not_matter(service):
    token = service.issue().token.reveal()
    assert ask(service, token, path="/v1/authorize/invoices/7?page=2").status_code == 200
    assert ask(service, token, path="/v1/authorize/").status_code == 200


def test_the_key_may_come_in_its_own_header(service):
    token = service.issue().token.reveal()
    assert ask(service, X_API_Key=token).status_code == 200


def test_unknown_and_revoked_keys_get_one_answer(service):
    revoked = service.issue()
    service.store.revoke(revoked.key.id, reason="leaked")
    answers = [ask(service, token) for token in ("x", make_key().reveal(), revoked.token.reveal())]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_what_is_400_elsewhere_is_401_here(service):
    token = service.issue().token.reveal()
    twice = ask(service, token, X_API_Key=token)
    assert (twice.status_code, twice.json()["code"]) == (401, "invalid_request")
    for header in ("X-Original-URI", "X-Forwarded-Uri"):
        in_url = service.request("GET", "/v1/authorize", headers={header: f"/invoices?k={token}"})
        assert (in_url.status_code, in_url.json()["code"]) == (401, "invalid_request")
        assert token not in in_url.text


@pytest.mark.parametrize("required", ["users:read", "invoices:read users:read", "a:b,c:d"])
def test_every_required_scope_is_needed(service, required):
    token = service.issue(scopes=["invoices:read"]).token.reveal()
    answer = ask(service, token, X_Keyfuse_Require_Scopes=required)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_header_smuggled_in_only_asks_for_more(service):
    token = service.issue(scopes=["invoices:read"]).token.reveal()
    headers = [
        ("Authorization", f"Bearer {token}"),
        ("X-Keyfuse-Require-Scopes", "invoices:read"),
        ("X-Keyfuse-Require-Scopes", "users:read"),
        ("X-Keyfuse-Scopes", "users:read"),
    ]
    assert service.request("GET", "/v1/authorize", headers=headers).status_code == 403
    assert service.request("GET", "/v1/authorize?scopes=a:b", headers=headers[:2]).is_success


@pytest.mark.parametrize("required", ["invoices", "*:*", "a:b@c", b"\xff:read"])
def test_a_requirement_that_is_none_lets_nobody_through(service, required, caplog):
    token = service.issue(scopes=["invoices:*"]).token.reveal()
    answer = ask(service, token, X_Keyfuse_Require_Scopes=required)
    assert (answer.status_code, answer.json()["code"]) == (403, "invalid_requirement")
    assert "check the gateway" in caplog.text


def test_a_limited_key_is_429_with_the_time_to_come_back(service):
    token = service.issue(rate_limit="1/minute").token.reveal()
    assert ask(service, token).status_code == 200
    answer = ask(service, token)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert answer.headers["ratelimit"].startswith('"default";r=0;t=')


def test_a_database_that_is_gone_lets_nobody_through(service):
    token = service.issue().token.reveal()
    path = service.store.database.path
    path.rename(path.with_suffix(".away"))
    answer = ask(service, token)
    path.with_suffix(".away").rename(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "unavailable")
    assert "retry-after" in answer.headers


def test_a_quarantined_key_shows_what_is_left_of_it(service):
    issued = service.issue(scopes=["invoices:*", "users:read"])
    with service.store.begin() as connection:
        lifecycle.quarantine(
            connection, service.store.audit, issued.key.id,
            allowed=["invoices:read"], reason="x", actor="x", at=1,
        )  # fmt: skip
    token = issued.token.reveal()
    answer = ask(service, token, X_Keyfuse_Require_Scopes="invoices:read")
    assert (answer.status_code, answer.headers["x-keyfuse-scopes"]) == (200, "invoices:read")
    assert ask(service, token).status_code == 403


def test_an_owner_outside_ascii_fits_into_a_header(service):
    issued = service.issue(owner="jürgen@exämple.com")
    answer = ask(service, issued.token.reveal())
    assert answer.headers["x-keyfuse-owner"] == "j%C3%BCrgen@ex%C3%A4mple.com"


# Off loopback


@pytest.fixture
def guarded(settings, open_service):
    return open_service(settings(), host="192.0.2.1")


def test_off_loopback_the_gateway_needs_a_key_of_its_own(guarded, caplog):
    token = guarded.issue().token.reveal()
    gateway = guarded.issue(admin=True, prefix="keyfuse_root", scopes=["keyfuse:verify"])
    assert ask(guarded, token).json()["code"] == "gateway_credential"
    assert "X-Keyfuse-Credential" in caplog.text
    for wrong in (token, "x"):
        assert ask(guarded, token, X_Keyfuse_Credential=wrong).status_code == 403
    credential = gateway.token.reveal()
    assert ask(guarded, token, X_Keyfuse_Credential=credential).status_code == 200
    assert ask(guarded, X_Keyfuse_Credential=credential).status_code == 401


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("203.0.113.0/24", 403)])
def test_the_key_of_a_gateway_may_be_held_to_its_address(guarded, network, status):
    token = guarded.issue().token.reveal()
    gateway = guarded.issue(
        admin=True, prefix="keyfuse_root", scopes=["keyfuse:verify"], addresses=[network]
    )
    answer = ask(guarded, token, X_Keyfuse_Credential=gateway.token.reveal())
    assert answer.status_code == status


def test_open_verify_is_an_explicit_setting(settings, open_service):
    service = open_service(settings(KEYFUSE_OPEN_VERIFY="true"), host="0.0.0.0")
    assert ask(service, service.issue().token.reveal()).status_code == 200
