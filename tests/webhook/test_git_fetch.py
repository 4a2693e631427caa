"""Fetching: the token is nowhere but in the environment, and the server cannot lead us astray."""

import os
import shutil
import stat

import pytest

from keyfuse_rules import Secret
from keyfuse_webhook.git_fetch import FetchFailed, NoSuchObject, RepositoryGone, fetch
from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.mirrors import Mirrors
from support.githttp import GitServer

NAME = RepositoryName("acme", "app")
TOKEN = "ghs_" + "not-a-real-token"


@pytest.fixture
def mirror(tmp_path):
    with Mirrors(tmp_path / "mirrors").mirror(NAME) as path:
        yield path


@pytest.fixture
def pushed(server):
    remote = server.repository()
    tip = remote.commit(a_txt="x")
    remote.push()
    return tip


def get(server, mirror, commit, **options):
    fetch(mirror, NAME.clone_url(server.url), [f"+{commit}:refs/keyfuse/{commit}"], **options)


def has(mirror, commit):
    return (mirror / "refs" / "keyfuse" / commit).exists()


def test_public_repository_is_fetched_without_credentials(server, mirror, pushed):
    get(server, mirror, pushed)
    assert has(mirror, pushed)
    assert set(server.authorizations) == {None}


def test_token_goes_through_the_environment_alone(server, mirror, pushed, planted, monkeypatch):
    real, log = shutil.which("git"), planted / "argv"
    wrapper = planted / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {log}\nexec {real} "$@"\n')
    wrapper.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    server.token = TOKEN
    get(server, mirror, pushed, token=Secret(TOKEN))
    assert has(mirror, pushed)
    assert "fetch" in log.read_text()
    for encoded in (TOKEN, "Authorization", "x-access-token"):
        assert encoded not in log.read_text()
        for path in mirror.rglob("*"):
            assert not path.is_file() or encoded.encode() not in path.read_bytes()
    assert TOKEN not in "".join(server.paths)


@pytest.mark.parametrize("token", [None, Secret("wrong")])
def test_private_repository_without_the_right_token_is_gone(server, mirror, pushed, token):
    server.token = TOKEN
    with pytest.raises(RepositoryGone) as caught:
        get(server, mirror, pushed, token=token)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, RepositoryGone), (404, RepositoryGone), (451, RepositoryGone), (500, FetchFailed),
     (502, FetchFailed), (503, FetchFailed), (429, FetchFailed)],
)  # fmt: skip
def test_what_the_server_answers(server, mirror, pushed, status, error):
    server.status = status
    with pytest.raises(error):
        get(server, mirror, pushed)


def test_repository_that_is_not_there(server, mirror):
    with pytest.raises(RepositoryGone):
        get(server, mirror, "a" * 40)


def test_object_that_is_not_there(server, mirror, pushed):
    with pytest.raises(NoSuchObject):
        get(server, mirror, "a" * 40)


def test_nobody_there(mirror):
    with pytest.raises(FetchFailed):
        fetch(mirror, "http://127.0.0.1:9/acme/app.git", ["HEAD"])


def test_redirects_are_not_followed_with_the_token(server, mirror, pushed, planted):
    (planted / "other").mkdir()
    with GitServer(planted / "other").running() as other:
        server.redirect = other.url
        with pytest.raises(FetchFailed):
            get(server, mirror, pushed, token=Secret(TOKEN))
        assert other.paths == []


@pytest.mark.parametrize(
    "url", ["file://{bare}", "{bare}", "ext::sh -c touch% /tmp/x", "git://x/y"]
)
def test_other_protocols_are_not_spoken(mirror, server, url):
    remote = server.repository("acme/other")
    with pytest.raises(FetchFailed):
        fetch(mirror, url.format(bare=remote.bare), ["HEAD"])


def test_http_is_spoken_on_loopback_only(mirror):
    with pytest.raises(FetchFailed) as caught:
        fetch(mirror, "http://192.0.2.1/acme/app.git", ["HEAD"])
    assert "transport 'http' not allowed" in str(caught.value)


def test_the_users_configuration_changes_nothing(server, mirror, pushed, monkeypatch, planted):
    config = planted / "gitconfig"
    config.write_text(f'[url "file:///nowhere/"]\n\tinsteadOf = {server.url}/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    get(server, mirror, pushed)
    assert has(mirror, pushed)


def test_a_fetch_that_takes_too_long_is_ended(server, mirror, pushed, monkeypatch):
    import threading

    held = threading.Event()
    handle = server._server.RequestHandlerClass._serve
    monkeypatch.setattr(
        server._server.RequestHandlerClass, "_serve", lambda self: (held.wait(10), handle(self))
    )
    with pytest.raises(FetchFailed, match="git was ended"):
        get(server, mirror, pushed, timeout=0.5)
    held.set()
