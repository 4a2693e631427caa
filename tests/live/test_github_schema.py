"""Every call that keyfuse makes, held against GitHub's own OpenAPI description by prism.

prism answers what the description says an answer looks like, and 422 to what it does not allow.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keyfuse_rules import Secret
from keyfuse_scanner.action.code_scanning import Analysis, Outcome, upload
from keyfuse_store.settings import Settings
from keyfuse_webhook import scan_org
from keyfuse_webhook.app_setup import SetupFailed, exchange
from keyfuse_webhook.check_run import CheckRun
from keyfuse_webhook.custom_pattern import install, pattern
from keyfuse_webhook.events import AlertNamed
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import Below, GitHubApi
from keyfuse_webhook.github_app import PERMISSIONS, GitHubApp
from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.mail_sink import free_port
from keyfuse_webhook.missed import read_attempt
from keyfuse_webhook.push_report import make_comment, make_issue, publish
from keyfuse_webhook.secret_alert import candidates, first_place, places
from support.githubapi import app_pem
from support.live import newest_node, node, serving

TOKEN, SHA = Secret("t"), "a" * 40
CALLED = {
    "/app/installations/{installation_id}/access_tokens": ["post"],
    "/orgs/{org}/installation": ["get"],
    "/users/{username}/installation": ["get"],
    "/installation/repositories": ["get"],
    "/orgs/{org}/repos": ["get"],
    "/repos/{owner}/{repo}/check-runs": ["post"],
    "/repos/{owner}/{repo}/check-runs/{check_run_id}": ["patch"],
    "/repos/{owner}/{repo}/commits/{ref}/check-runs": ["get"],
    "/repos/{owner}/{repo}/commits/{commit_sha}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/issues": ["get", "post"],
    "/repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}/locations": ["get"],
    "/repos/{owner}/{repo}/code-scanning/sarifs": ["post"],
    "/repos/{owner}/{repo}/code-scanning/sarifs/{sarif_id}": ["get"],
    "/app/hook/deliveries": ["get"],
    "/app/hook/deliveries/{delivery_id}/attempts": ["post"],
    "/app-manifests/{code}/conversions": ["post"],
    "/repos/{owner}/{repo}/secret-scanning/custom-patterns": ["get", "post"],
    "/repos/{owner}/{repo}/secret-scanning/custom-patterns/{pattern_id}": ["patch"],
    "/orgs/{org}/secret-scanning/custom-patterns": ["get", "post"],
}
# What the description leaves out of its media types, and GitHub answers to.
ASKED_FOR = ("application/vnd.github+json", "application/vnd.github.machine-man-preview+json")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("prism"), free_port()
    whole = node("@octokit/openapi/generated/api.github.com.json")
    cut = folder / "cut.json"
    cut.write_text(json.dumps(reduced(json.loads(whole.read_text()))))
    prism = node("@stoplight/prism-cli/dist/index.js")
    command = [newest_node(), prism, "mock", "-p", str(port), "-h", "127.0.0.1", cut]
    with serving(command, port, folder / "log"):
        yield f"http://127.0.0.1:{port}"


def reduced(description: dict[str, Any]) -> dict[str, Any]:
    """The description of what we call: prism takes a quarter of a minute for all of it."""
    paths = {
        path: {method: description["paths"][path][method] for method in methods}
        for path, methods in CALLED.items()
    }
    used: set[str] = set()
    follow(description, paths, used)
    components = {
        kind: {name: one for name, one in named.items() if f"#/components/{kind}/{name}" in used}
        for kind, named in description["components"].items()
    }
    return {
        "openapi": description["openapi"],
        "info": description["info"],
        "paths": paths,
        "components": components,
    }


def follow(description: dict[str, Any], found: Any, used: set[str]) -> None:
    """Note every reference, and let each answer be given in the media types we ask for."""
    for value in found.values() if isinstance(found, dict) else found:
        if isinstance(value, dict | list):
            follow(description, value, used)
    if not isinstance(found, dict):
        return
    content = found.get("content")
    if isinstance(content, dict) and "application/json" in content:
        for media_type in ASKED_FOR:
            content.setdefault(media_type, content["application/json"])
    reference = found.get("$ref")
    if isinstance(reference, str) and reference not in used:
        used.add(reference)
        named: Any = description
        for step in reference.removeprefix("#/").split("/"):
            named = named[step]
        follow(description, named, used)


@pytest.fixture
def api(url: str) -> Iterator[GitHubApi]:
    made = GitHubApi(url)
    yield made
    made.close()


@pytest.fixture
def below(api: GitHubApi) -> Below:
    return Below(api, "/repos/acme/app", TOKEN)


@pytest.fixture
def app(url: str, tmp_path: Path) -> GitHubApp:
    return GitHubApp(
        Settings.load(
            {
                "KEYFUSE_HOME": str(tmp_path),
                "KEYFUSE_GITHUB_API_URL": url,
                "KEYFUSE_GITHUB_APP_ID": "12345",
                "KEYFUSE_GITHUB_APP_PRIVATE_KEY": app_pem(),
            }
        )
    )


def report(annotations: int) -> CheckRun:
    places = range(1, annotations + 1)
    return CheckRun("title", "summary", "failure", tuple(map(annotation, places)))


def annotation(line: int) -> dict[str, object]:
    return {"path": "a", "start_line": line, "end_line": line, "annotation_level": "warning",
            "title": "t", "message": "m"}  # fmt: skip


def test_prism_refuses_what_github_does_not_take(below: Below) -> None:
    """Otherwise the rest of this file would prove nothing."""
    with pytest.raises(ApiRefused, match="422"):
        below.call("PATCH", "/secret-scanning/alerts/4", {"state": "resolved", "resolution": "x"})


@pytest.mark.parametrize("purpose", PERMISSIONS)
def test_tokens_of_every_purpose(app: GitHubApp, purpose: Any) -> None:
    assert app.token("77", purpose) is not None


def test_check_runs(below: Below) -> None:
    publish(below, SHA, report(120), "report-1")
    below.call("PATCH", "/check-runs/4", {"status": "in_progress", "output": {
        "title": "t", "summary": "s", "annotations": [annotation(1)]}})  # fmt: skip


def test_comments_and_issues(below: Below) -> None:
    make_comment(below, SHA, report(1), "report-1")
    make_issue(below, SHA, report(1), "report-1")


def test_alerts(below: Below) -> None:
    alert = below.call("GET", "/secret-scanning/alerts/42")
    assert candidates(alert)
    named = AlertNamed(RepositoryName("acme", "app"), 42, private=False, installation="77")
    told = below.pages("/secret-scanning/alerts/42/locations", most=100)
    found = places(named, "https://github.com", [*first_place(alert), *told])
    assert "commit" in {one.source for one in found}
    body = {"state": "resolved", "resolution": "revoked", "resolution_comment": "Revoked."}
    below.call("PATCH", "/secret-scanning/alerts/42", body)


def test_sarif_of_the_action(url: str) -> None:
    analysis = Analysis(url, "acme/app", SHA, "refs/heads/main")
    outcome = upload(json.dumps({"version": "2.1.0", "runs": []}), analysis, TOKEN, lambda _: None)
    assert outcome == Outcome("SARIF was uploaded to code scanning")
    wrong = upload("{}", analysis._replace(commit_id="no commit"), TOKEN, lambda _: None)
    assert wrong == Outcome("SARIF was not uploaded: GitHub answered 400", failed=True)


def test_deliveries(api: GitHubApi, app: GitHubApp) -> None:
    listed = list(api.cursored("/app/hook/deliveries", app.jwt(), most=100))
    assert all(read_attempt(entry) for entry in listed)
    assert listed
    api.call("POST", "/app/hook/deliveries/12345/attempts", app.jwt())


def test_the_manifest_is_exchanged(api: GitHubApi, tmp_path: Path) -> None:
    made = exchange(api, "c0de", tmp_path / "home")
    assert made.id.isdigit()
    assert "RSA" in made.key_file.read_text()
    with pytest.raises(SetupFailed):
        exchange(api, "c0de", tmp_path / "home")


def test_repositories_of_an_account(api: GitHubApi, app: GitHubApp) -> None:
    assert scan_org.list_as_app(api, app, "acme").subjects
    assert scan_org.list_as_user(api, TOKEN, "acme").subjects
    assert api.call("GET", "/users/ada/installation", app.jwt())["id"]


@pytest.mark.parametrize("base", ["/repos/acme/app", "/orgs/acme"])
def test_custom_patterns(api: GitHubApi, base: str) -> None:
    at = Below(api, f"{base}/secret-scanning/custom-patterns", TOKEN)
    assert install(at, pattern("acme_live")).change == "created"
    if base.startswith("/repos"):
        at.call("PATCH", "/3", {"pattern": "x", "custom_pattern_version": "v1"})
