"""Against an emulator of GitHub that is not ours: the App's tokens, reports, signed webhooks.

It differs from GitHub in what is said where it matters: an edit of a check run replaces its
annotations, commit comments want a permission that GitHub does not ask for, and it has no secret
scanning, no deliveries and no list of an installation's repositories.
"""

import base64
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import yaml

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook.check_run import CheckRun
from keyfuse_webhook.git_fetch import RepositoryGone
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import Below, GitHubApi
from keyfuse_webhook.github_app import GitHubApp
from keyfuse_webhook.mail_sink import free_port
from keyfuse_webhook.push_report import BATCH, make_issue, publish
from keyfuse_webhook.working import open_queue
from support.githubapi import app_pem
from support.live import newest_node, node, serving
from support.service import running_service, service_environment
from support.webhook import eventually


class World(NamedTuple):
    settings: Settings
    api: GitHubApi
    app: GitHubApp
    head: str
    hook_port: int

    def below(self, purpose: str) -> Below:
        token = self.app.token("100", purpose)  # type: ignore[arg-type]
        assert token is not None
        return Below(self.api, "/repos/acme/app", token)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    port, hook_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    seed = tmp_path / "seed.yaml"
    seed.write_text(yaml.safe_dump({"github": seeded(f"http://127.0.0.1:{hook_port}")}))
    program = node("emulate/dist/index.js")
    command = [newest_node(), program, "start", "-s", "github", "-p", str(port),
               "--base-url", url, "--seed", seed]  # fmt: skip
    with serving(command, port, tmp_path / "emulator.log"):
        settings = Settings.load(
            {
                "KEYFUSE_HOME": str(tmp_path / "home"),
                "KEYFUSE_GITHUB_API_URL": url,
                "KEYFUSE_GITHUB_APP_ID": "12345",
                "KEYFUSE_GITHUB_APP_PRIVATE_KEY": app_pem(),
            }
        )
        api, app = GitHubApi(url), GitHubApp(settings)
        head = api.call("GET", "/repos/acme/app/commits/main", app.token("100"))["sha"]
        yield World(settings, api, app, head, hook_port)
        api.close()


def seeded(service: str) -> dict[str, object]:
    return {
        "users": [{"login": "ada", "name": "Ada", "email": "ada@example.com"}],
        "orgs": [{"login": "acme", "members": [{"login": "ada", "role": "admin"}]}],
        "repos": [{"owner": "acme", "name": "app", "auto_init": True}],
        "apps": [
            {
                "app_id": 12345,
                "slug": "keyfuse",
                "name": "keyfuse",
                "permissions": {"contents": "read", "checks": "write", "issues": "write"},
                "events": ["push"],
                "webhook_url": f"{service}/github/webhooks",
                "webhook_secret": "s3cret",
                "private_key": textwrap.dedent(app_pem()),
                "installations": [
                    {"installation_id": 100, "account": "acme", "repository_selection": "all"}
                ],
            }
        ],
    }


def report(annotations: int) -> CheckRun:
    return CheckRun(
        title="1 API key of ours was pushed; it is revoked",
        summary="**words**",
        conclusion="failure",
        annotations=tuple(
            {"path": "README.md", "start_line": line, "end_line": line,
             "annotation_level": "failure", "title": "t", "message": "m"}
            for line in range(1, annotations + 1)
        ),
    )  # fmt: skip


def test_check_run_is_made_once_in_batches(world: World) -> None:
    at = world.below("check")
    for _ in range(2):
        publish(at, world.head, report(120), "report-1")
    listed = at.call("GET", f"/commits/{world.head}/check-runs")
    (run,) = listed["check_runs"]
    assert (run["status"], run["conclusion"]) == ("completed", "failure")
    assert run["external_id"] == "report-1"
    # GitHub appends; the emulator has those of the last batch.
    assert run["output"]["annotations_count"] in {120, 120 % BATCH}


def test_a_token_does_what_its_purpose_says_and_no_more(world: World) -> None:
    with pytest.raises(ApiRefused) as caught:
        publish(world.below("fetch"), world.head, report(1), "report-1")
    assert caught.value.status == 403
    with pytest.raises(RepositoryGone):
        world.app.token("101")
    with pytest.raises(RepositoryGone):
        world.app.token("100", "alert")


def test_issue_is_made_once(world: World) -> None:
    at = world.below("issue")
    for _ in range(2):
        make_issue(at, world.head, report(1), "report-1")
    (issue,) = at.call("GET", "/issues")
    assert issue["title"].startswith("1 API key of ours")


def test_installation_of_an_organisation_is_found(world: World) -> None:
    found = world.api.call("GET", "/orgs/acme/installation", world.app.jwt())
    assert found["id"] == 100


def test_its_signed_webhook_of_a_push_is_a_job(world: World, tmp_path: Path) -> None:
    """It sends fewer fields than GitHub, and delivery ids of another form."""
    environment = service_environment(
        tmp_path / "home",
        KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret",
        KEYFUSE_GITHUB_SERVER_URL="http://127.0.0.1:9",
    )
    with running_service(world.hook_port, environment, tmp_path / "log", "--no-worker"):
        content = base64.b64encode(b"hello\n").decode()
        answer = httpx.put(
            f"{world.settings.github_api_url}/repos/acme/app/contents/a.txt",
            json={"message": "a change", "content": content, "branch": "main"},
            headers={"Authorization": "Bearer of-ada"},
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        with KeyStore.open(settings=world.settings) as store, open_queue(store) as queue:
            (job,) = eventually(lambda: queue.list(kind="push"))
        assert job.arguments[0] == "acme/app"
        assert job.arguments[2] == answer.json()["commit"]["sha"]
        assert job.arguments[-1] == "100"
