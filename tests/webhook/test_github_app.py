"""Installation tokens: asked for with the App's own signature, kept, renewed, given up."""

import asyncio
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keyfuse_store.settings import Settings
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.git_fetch import RepositoryGone
from keyfuse_webhook.github_app import GitHubApp
from keyfuse_webhook.github_jobs import github_handlers
from keyfuse_webhook.jobs_model import Job, TryAgain
from support.githttp import GitServer
from support.githubapi import Fault, StandInApi, app_pem
from support.githubapi_routes import Answer


def load(api, tmp_path, **more):
    return Settings.load({"KEYFUSE_HOME": str(tmp_path)} | api.settings(**more))


@pytest.fixture
def app(api, tmp_path):
    return GitHubApp(load(api, tmp_path))


def test_token_is_asked_for_once_with_the_least_permission(app, api):
    tokens = [app.token("77") for _ in range(3)]
    assert [token.reveal() for token in tokens] == [api.token()] * 3
    assert api.calls == [
        ("/app/installations/77/access_tokens", {"permissions": {"contents": "read"}})
    ]
    assert app.token("78") != tokens[0]


def test_each_purpose_has_a_token_of_its_own(app, api):
    assert app.token("77", "check") != app.token("77")
    assert [body["permissions"] for _, body in api.calls] == [
        {"checks": "write"},
        {"contents": "read"},
    ]


def test_wait_that_is_asked_for_is_passed_on(app, api):
    api.status, api.headers = 403, {"Retry-After": "77"}
    with pytest.raises(TryAgain) as caught:
        app.token("77")
    assert caught.value.after == 77


def test_token_about_to_end_is_replaced(app, api):
    api.lifetime = timedelta(minutes=9)
    assert app.token("77") != app.token("77")


def test_no_installation_no_token(app, api):
    assert app.token("") is None
    assert api.calls == []


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_installation_removed_or_suspended_is_gone(app, api, status):
    api.status = status
    with pytest.raises(RepositoryGone) as caught:
        app.token("77")
    assert str(status) in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {}), (500, {}), (503, {}), (403, {"X-RateLimit-Remaining": "0"}),
     (403, {"Retry-After": "60"})],
)  # fmt: skip
def test_limits_and_outages_pass(app, api, status, headers):
    api.status, api.headers = status, headers
    with pytest.raises(TryAgain):
        app.token("77")
    api.status = None
    assert app.token("77") is not None


ENDS = "2099-01-01T00:00:00Z"


@pytest.mark.parametrize("status", [200, 201, 302])
@pytest.mark.parametrize(
    "document",
    [{}, [], "x", 5, b"", b"<html>", b"\xff", b"[" * 100_000, {"token": 5, "expires_at": ENDS},
     {"token": "t"}, {"expires_at": ENDS}, {"token": "t", "expires_at": "soon"},
     {"token": "t", "expires_at": 7}, {"token": "t", "expires_at": "2099-01-01"},
     {"token": "", "expires_at": ENDS}, {"token": "a\nb", "expires_at": ENDS},
     {"token": "\u00e9", "expires_at": ENDS}],
)  # fmt: skip
def test_an_answer_without_a_token_is_asked_for_again_and_never_kept(app, api, status, document):
    api.faults.append(Fault("POST", "access_tokens", Answer(status, document, {})))
    with pytest.raises(TryAgain, match="no token"):
        app.token("77")
    assert app.token("77").reveal() == api.token()


def test_nobody_there_is_tried_again(tmp_path):
    with StandInApi().running() as gone:
        app = GitHubApp(load(gone, tmp_path))
    with pytest.raises(TryAgain):
        app.token("77")


def test_key_with_escaped_line_ends_is_a_key(api, tmp_path):
    escaped = app_pem().replace("\n", "\\n")
    app = GitHubApp(load(api, tmp_path, KEYFUSE_GITHUB_APP_PRIVATE_KEY=escaped))
    assert app.token("77") is not None


def elliptic():
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()  # fmt: skip


@pytest.mark.parametrize("key", ["not a key", "elliptic"])
def test_key_that_is_none_is_said_at_the_start_and_not_shown(api, tmp_path, key):
    wrong = elliptic() if key == "elliptic" else key
    with pytest.raises(InvalidSetting, match="github_app_private_key") as caught:
        GitHubApp(load(api, tmp_path, KEYFUSE_GITHUB_APP_PRIVATE_KEY=wrong))
    assert wrong not in str(caught.value)


def test_id_without_key_is_said_at_the_start(service, tmp_path):
    half = Settings.load({"KEYFUSE_HOME": str(tmp_path), "KEYFUSE_GITHUB_APP_ID": "1"})
    service.store.settings = half
    with pytest.raises(InvalidSetting, match="both its id and its private key"):
        github_handlers(service.store, service.queue.enqueue)


def test_key_pushed_to_a_private_repository_dies(api, settings, open_service, planted):
    with GitServer(planted).running() as server:
        service = open_service(settings(**api.settings(KEYFUSE_GITHUB_SERVER_URL=server.url)))
        remote = server.repository()
        issued = service.issue()
        before = remote.commit("first")
        after = remote.commit("a leak", a_txt=issued.token.reveal())
        remote.push()
        server.token = "ghs_1_" + "1".zfill(40) + ".x.y"
        pushes = github_handlers(service.store, service.queue.enqueue)["push"]
        job = Job("push-1", "push", ("acme/app", before, after, "1", "private", "77"), "acme/app")
        outcome = asyncio.run(pushes.attempt(job))
        assert (outcome.state, outcome.reason) == ("done", "1 key of ours")
        assert service.state(issued) == "revoked"
