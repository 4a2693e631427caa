"""Which path answers in which role, health, and refusals by the router itself."""

import pytest

PATHS = {
    ("POST", "/github/partner-alerts"): "public",
    ("POST", "/github/webhooks"): "public",
    ("POST", "/v1/leaks"): "public",
    ("GET", "/v1/leaks"): "private",
    ("GET", "/v1/keys"): "private",
    ("GET", "/openapi.json"): "private",
    ("GET", "/docs"): "private",
    ("POST", "/v1/verify"): "private",
    ("GET", "/readyz"): "private",
    ("GET", "/healthz"): "both",
}


@pytest.mark.parametrize("role", ["all", "public", "private"])
def test_role_decides_which_paths_are_there(settings, open_service, role):
    service = open_service(settings(), role=role)
    for (method, path), half in PATHS.items():
        there = service.request(method, path).status_code not in {404, 405}
        assert there == (role == "all" or half in {role, "both"}), path


def test_health_and_readiness(service):
    assert service.request("GET", "/healthz").json() == {"status": "ok"}
    assert service.request("GET", "/readyz").json() == {"status": "ready"}


def test_readiness_fails_without_the_database_and_health_does_not(service):
    path = service.store.database.path
    path.rename(path.with_suffix(".away"))
    answer = service.request("GET", "/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert str(path) not in answer.text
    assert service.request("GET", "/healthz").status_code == 200
    path.with_suffix(".away").rename(path)
    assert service.request("GET", "/readyz").status_code == 200


def test_readiness_does_not_ask_third_parties(service, github):
    github.status = 500
    assert service.request("GET", "/readyz").status_code == 200
    assert github.requests == []


def test_unknown_path_is_a_problem_that_does_not_echo_it(service):
    answer = service.request("GET", "/what/ever")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ever" not in answer.text


def test_wrong_method_is_a_problem_that_names_the_right_one(service):
    answer = service.request("GET", "/v1/verify")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_bug_on_the_busiest_path_is_answered_like_any_other(service, monkeypatch):
    def broken(token, **_):
        raise RuntimeError(token)

    monkeypatch.setattr(service.store, "verify", broken)
    answer = service.request("POST", "/v1/verify", json={"key": "what was sent"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "what was sent" not in answer.text
