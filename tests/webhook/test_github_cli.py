"""`keyfuse github`: an App with what it needs and no more; its secrets stay in files."""

import html
import json
import re
import stat
import threading
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from click.testing import CliRunner

from keyfuse_webhook import logs
from keyfuse_webhook.app_manifest import manifest
from keyfuse_webhook.app_setup import CodeServer, SetupFailed, Wanted
from keyfuse_webhook.custom_pattern import pattern
from keyfuse_webhook.github_cli import github
from support.githubapi import Fault, StandInApi, app_pem
from support.githubapi_routes import Answer
from support.keys import make_key

WANTED = Wanted("https://github.com", "https://keys.example.com", "keyfuse", None, issues=False)


@pytest.fixture
def api():
    with StandInApi().running() as running:
        running.granted["pat"] = {"patterns": "write"}
        yield running


@pytest.fixture
def run(api, tmp_path, monkeypatch):
    monkeypatch.setenv("KEYFUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KEYFUSE_GITHUB_API_URL", api.url)
    # The handlers of this process are pytest's.
    monkeypatch.setattr(logs, "configure", lambda **_: None)
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments):
        return CliRunner().invoke(github, arguments)

    return call


def test_manifest_asks_for_what_is_needed_and_no_more():
    document = manifest(
        name="k", base_url="https://k.example", redirect_url="http://127.0.0.1:1", issues=False
    )
    assert document["default_permissions"] == {
        "checks": "write", "contents": "read", "metadata": "read",
        "secret_scanning_alerts": "write",
    }  # fmt: skip
    assert document["default_events"] == [
        "push", "secret_scanning_alert", "secret_scanning_alert_location",
    ]  # fmt: skip
    assert document["hook_attributes"]["url"] == "https://k.example/github/webhooks"
    assert document["public"] is False
    more = manifest(name="k", base_url="https://k", redirect_url="http://x", issues=True)
    assert more["default_permissions"]["issues"] == "write"


def sent(page):
    """What the button of a page sends, and where to."""
    action = html.unescape(re.search(r'action="([^"]*)"', page)[1])
    document = html.unescape(re.search(r'name="manifest" value="([^"]*)"', page)[1])
    return action, json.loads(document)


def test_page_sends_the_manifest_to_the_owner_of_the_app():
    action, document = sent(WANTED.page("http://127.0.0.1:1/created", "st"))
    assert action == "https://github.com/settings/apps/new?state=st"
    assert document["redirect_url"] == "http://127.0.0.1:1/created"
    evil = WANTED._replace(organization="acme", name='"><script>alert(1)</script>')
    page = evil.page("http://x", "st")
    action, document = sent(page)
    assert action == "https://github.com/organizations/acme/settings/apps/new?state=st"
    assert document["name"] == evil.name
    assert "<script>" not in page


def test_the_code_comes_back_only_with_our_state():
    with CodeServer(WANTED, 0).running() as server:
        page = httpx.get(server.url + "/", trust_env=False).text
        action, document = sent(page)
        state = parse_qs(urlsplit(action).query)["state"][0]
        back = document["redirect_url"]
        for query in ("", "code=c", "code=c&state=x", f"code=../x&state={state}"):
            assert httpx.get(f"{back}?{query}", trust_env=False).status_code == 404
        assert httpx.get(f"{back}?code=c0de&state={state}", trust_env=False).status_code == 200
        assert server.wait(1) == "c0de"


def test_nobody_who_comes_back_is_said():
    with CodeServer(WANTED, 0).running() as server, pytest.raises(SetupFailed, match="came back"):
        server.wait(0.01)


def test_setup_waits_for_the_browser_and_keeps_the_secrets_in_files(
    run, api, monkeypatch, tmp_path
):
    """The browser is played by the test; GitHub by the stand-in."""
    made = []
    serve = CodeServer.running

    def remembered(self):
        made.append(self)
        return serve(self)

    def browse():
        for _ in range(500):
            if made:
                break
            threading.Event().wait(0.01)
        action, document = sent(made[0].page)
        state = parse_qs(urlsplit(action).query)["state"][0]
        httpx.get(f"{document['redirect_url']}?code=good-code&state={state}", trust_env=False)

    monkeypatch.setattr(CodeServer, "running", remembered)
    browser = threading.Thread(target=browse)
    browser.start()
    done = run("setup", "--base-url", "https://keys.example.com/")
    browser.join()
    assert done.exit_code == 0, done.output
    assert "KEYFUSE_GITHUB_APP_ID=4711" in done.output
    assert "https://github.com/apps/keyfuse/installations/new" in done.output
    key, secret = tmp_path / "home/github-app.pem", tmp_path / "home/github-webhook-secret"
    assert (key.read_text(), secret.read_text()) == ("PEM", "s3cret\n")
    for file in (key, secret):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert str(file) in done.output
    assert not {"PEM", "s3cret", "not ours"} & set(done.output.split())


def test_page_for_a_browser_elsewhere_then_the_code(run, tmp_path):
    page = tmp_path / "page.html"
    done = run("setup", "--base-url", "https://k.example", "--page", str(page), "--org", "acme")
    assert done.exit_code == 0
    assert "--code" in done.output
    assert sent(page.read_text())[0].startswith("https://github.com/organizations/acme/")
    done = run("setup", "--code", "good-code", "--json")
    assert json.loads(done.output)["settings"]["KEYFUSE_GITHUB_APP_ID"] == "4711"


def test_a_code_is_not_wasted_where_its_secrets_cannot_be_kept(run, api, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/github-webhook-secret").write_text("of another App")
    done = run("setup", "--code", "good-code")
    assert (done.exit_code, api.asked) == (2, [])
    assert "exists" in done.output
    assert (tmp_path / "home/github-webhook-secret").read_text() == "of another App"
    assert not (tmp_path / "home/github-app.pem").exists()


@pytest.mark.parametrize("answer", [Answer(404, {}), Answer(201, {}), Answer(201, []), None])
def test_a_failed_exchange_leaves_nothing(run, api, tmp_path, answer):
    api.faults.append(Fault("POST", "conversions", answer))
    done = run("setup", "--code", "good-code")
    assert done.exit_code == 2
    assert done.output.startswith("keyfuse: ")
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["setup"], "--base-url"),
        (["setup", "--base-url", "http://k.example"], "https"),
        (["setup", "--base-url", "https://k", "--org", "../x"], "organisation"),
        (["setup", "--code", "../../x"], "code"),
        (["setup", "--base-url", "https://k", "--page", "/nowhere/x"], "/nowhere/x"),
        (["install-pattern", "acme"], "GITHUB_TOKEN"),
        (["install-pattern", "a/b/c"], "neither"),
        (["install-pattern", "acme", "--prefix", "ghp"], "ghp"),
        (["catch-up"], "none is configured"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(run, arguments, word):
    done = run(*arguments)
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert line.startswith("keyfuse: ")
    assert word in line


@pytest.mark.parametrize("where", ["acme", "acme/app"])
def test_pattern_is_installed_once_and_changed_where_it_differs(run, api, monkeypatch, where):
    monkeypatch.setenv("GITHUB_TOKEN", "pat")
    done = run("install-pattern", where, "--prefix", "acme_live", "--prefix", "acme_test")
    assert done.exit_code == 0
    assert "keyfuse acme_live: created, unpublished" in done.output
    assert "Publish it" in done.output
    (place,) = api.patterns
    assert place == ("repos/acme/app" if "/" in where else "orgs/acme")
    api.patterns[place][0] |= {"pattern": "old", "state": "published"}
    done = run("install-pattern", where, "--prefix", "acme_live", "--prefix", "acme_test", "--json")
    assert [one["change"] for one in json.loads(done.output)["patterns"]] == ["changed", "known"]
    assert len(api.did("POST", "custom-patterns")) == 2
    assert re.fullmatch(api.patterns[place][0]["pattern"], make_key("acme_live").reveal())


def test_a_token_that_may_not_is_told_so(run, api, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "of-nobody")
    done = run("install-pattern", "acme/app")
    assert done.exit_code == 2
    assert "403" in done.output
    assert "of-nobody" not in done.output


def test_pattern_without_a_prefix_finds_every_key_and_needs_no_look_around():
    regex = pattern(None).regex
    assert "(?" not in regex
    for prefix in ("a", "acme_live", "a" * 40):
        assert re.fullmatch(regex, make_key(prefix).reveal())


def test_catch_up_says_what_it_did(run, api, monkeypatch):
    for name, value in api.settings().items():
        monkeypatch.setenv(name, value)
    assert run("catch-up").output == "0 deliveries listed, none missed\n"
    assert json.loads(run("catch-up", "--json").output)["complete"] is True
    assert app_pem() not in run("catch-up").output


def test_port_that_is_taken_is_said():
    with CodeServer(WANTED, 0).running() as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(SetupFailed, match="cannot listen"):
            CodeServer(WANTED, port)
