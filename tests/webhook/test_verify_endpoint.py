"""`POST /v1/verify`: a clear question gets 200, and nothing put in comes back out."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyfuse_webhook.verify_endpoint import is_loopback
from support.keys import break_checksum, make_key


def ask(service, question, **options):
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    return service.request("POST", "/v1/verify", content=body, **options)


def test_valid_key_is_described_without_its_secret(service):
    issued = service.issue(scopes=["invoices:read"], meta={"team": "billing"})
    token = issued.token.reveal()
    answer = ask(service, {"key": token, "scopes": ["invoices:read"]})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["valid"], body["code"], body["id"]) == (True, "valid", issued.key.id)
    assert body["owner"] == "owner@example.com"
    assert body["meta"] == {"team": "billing"}
    assert token[-38:] not in answer.text


def test_secret_token_uri_is_a_key(service):
    token = service.issue().token.reveal()
    assert ask(service, {"key": f"secret-token:{token}"}).json()["code"] == "valid"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (break_checksum, "malformed"),
        (lambda _: "nonsense", "malformed"),
        (lambda _: "", "malformed"),
        (lambda _: make_key().reveal(), "unknown"),
        (lambda token: f" {token}", "malformed"),
    ],
)
def test_other_texts_are_answered_with_a_word_and_nothing_else(service, change, code):
    answer = ask(service, {"key": change(service.issue().token.reveal())})
    assert (answer.status_code, answer.json()) == (200, {"valid": False, "code": code})


def test_revocation_holds_for_the_next_question(service):
    issued = service.issue()
    token = issued.token.reveal()
    assert ask(service, {"key": token}).json()["code"] == "valid"
    service.store.revoke(issued.key.id, reason="x")
    assert ask(service, {"key": token}).json()["code"] == "revoked"


def test_missing_scope_is_insufficient(service):
    token = service.issue(scopes=["a:read"]).token.reveal()
    assert ask(service, {"key": token, "scopes": ["b:read"]}).json()["code"] == "insufficient_scope"


def test_the_question_may_be_as_narrow_as_the_key(service):
    issued = service.issue(
        scopes=["invoices:read@acct_1"], addresses=["203.0.113.0/24"], rate_limit="1/minute"
    )
    question = {
        "key": issued.token.reveal(), "any_of": ["invoices:read", "invoices:write"],
        "resource": "acct_1", "client_address": "203.0.113.7", "cost": 0,
    }  # fmt: skip
    assert ask(service, question).json()["code"] == "valid"
    assert ask(service, question | {"client_address": None}).json()["code"] == "address_denied"
    assert ask(service, question | {"resource": "acct_2"}).json()["code"] == "insufficient_scope"


def test_a_quota_is_counted_once(service):
    token = service.issue(quota="3/day").token.reveal()
    codes = [ask(service, {"key": token}).json()["code"] for _ in range(4)]
    assert codes == ["valid", "valid", "valid", "quota_exceeded"]


def test_rate_limit_says_when_to_come_again(service):
    token = service.issue(rate_limit="1/minute").token.reveal()
    assert ask(service, {"key": token}).json()["code"] == "valid"
    body = ask(service, {"key": token}).json()
    assert body["code"] == "rate_limited"
    assert 0 < body["retry_after"] <= 60


@pytest.mark.parametrize(
    "question",
    [b"", b"x", b"[]", b"{}", b"\xff", b"[" * 50_000, {"key": None}, {"key": 7},
     {"key": "x", "scopes": "a"}, {"key": "x", "scopes": [1]}, {"key": "x", "cost": "1"},
     {"key": "x", "cost": True}, {"key": "x", "any_of": "a:b"}, {"key": "x", "resource": 1},
     {"key": "x", "client_address": 1}, {"key": "x", "user_agent": 1},
     {"key": "x", "cost": -1}, {"key": "x", "cost": 1.5}, {"key": "x", "cost": 10**30},
     {"key": "x", "extra": 1}],
    ids=lambda question: str(question)[:40],
)  # fmt: skip
def test_unclear_question_is_400_and_not_echoed(service, question):
    answer = ask(service, question)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid_question"


def test_bad_question_about_a_real_key_does_not_echo_it(service):
    token = service.issue().token.reveal()
    for question in (
        {"key": [token]},
        {token: "x"},
        {"key": token, token: 1},
        {"key": token, "cost": token},
    ):
        answer = ask(service, question)
        assert answer.status_code == 400
        assert token[-38:] not in answer.text


def test_body_that_is_too_long_is_413(service):
    assert ask(service, {"key": "x" * 100_000}).status_code == 413


@given(body=st.binary() | st.text().map(lambda text: json.dumps({"key": text}).encode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_body_is_200_or_400(service, body):
    assert ask(service, body).status_code in {200, 400}


# Off loopback


@pytest.fixture
def guarded(settings_loader, open_service):
    return open_service(settings_loader(), host="192.0.2.1")


@pytest.fixture
def settings_loader(request):
    return request.getfixturevalue("settings")


def bearer(token):
    return {"headers": {"Authorization": f"Bearer {token}"}}


def test_off_loopback_a_credential_is_needed(guarded):
    token = guarded.issue().token.reveal()
    answer = ask(guarded, {"key": token})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="keyfuse"'


def test_key_with_the_scope_may_ask(guarded):
    token = guarded.issue().token.reveal()
    asker = guarded.issue(admin=True, prefix="keyfuse_root", scopes=["keyfuse:verify"])
    answer = ask(guarded, {"key": token}, **bearer(asker.token.reveal()))
    assert answer.json()["code"] == "valid"


def test_key_without_the_scope_is_403(guarded):
    token = guarded.issue().token.reveal()
    answer = ask(guarded, {"key": token}, **bearer(token))
    assert answer.status_code == 403
    assert 'scope="keyfuse:verify"' in answer.headers["www-authenticate"]


def test_unknown_and_revoked_credentials_get_one_text(guarded):
    revoked = guarded.issue()
    guarded.store.revoke(revoked.key.id, reason="x")
    answers = {
        ask(guarded, {"key": "x"}, **bearer(credential)).text
        for credential in ("nonsense", make_key().reveal(), revoked.token.reveal())
    }
    assert len(answers) == 1
    assert "invalid_token" in answers.pop()


def test_a_credential_that_cannot_be_looked_at_is_not_called_invalid(guarded):
    """Whoever is told 401 replaces a good key; 503 says to come again."""
    asker = guarded.issue(admin=True, prefix="keyfuse_root", scopes=["keyfuse:verify"])
    with guarded.store.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE kf_keys RENAME TO elsewhere")
    answer = ask(guarded, {"key": "x"}, **bearer(asker.token.reveal()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("203.0.113.0/24", 403)])
def test_a_credential_may_be_held_to_the_machines_that_ask(guarded, network, status):
    asker = guarded.issue(
        admin=True, prefix="keyfuse_root", scopes=["keyfuse:verify"], addresses=[network]
    )
    answer = ask(guarded, {"key": "x"}, **bearer(asker.token.reveal()))
    assert answer.status_code == status


def test_two_credentials_are_none(guarded):
    asker = guarded.issue(admin=True, prefix="keyfuse_root", scopes=["keyfuse:verify"])
    token = asker.token.reveal()
    headers = {"Authorization": f"Bearer {token}", "X-API-Key": token}
    assert ask(guarded, {"key": "x"}, headers=headers).status_code == 400


def test_open_verify_is_an_explicit_setting(settings_loader, open_service):
    service = open_service(settings_loader(KEYFUSE_OPEN_VERIFY="true"), host="0.0.0.0")
    assert ask(service, {"key": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.com", False), ("", False)],
)  # fmt: skip
def test_loopback_is_recognised(host, loopback):
    assert is_loopback(host) == loopback
