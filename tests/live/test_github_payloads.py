"""Every example payload of octokit, of GitHub and of old Enterprise Servers, is answered."""

import json
from collections import Counter
from pathlib import Path

import httpx
import pytest

from keyfuse_webhook.events import EVENTS
from keyfuse_webhook.mail_sink import free_port
from support.hooks import signed
from support.live import node
from support.service import running_service, service_environment

VERSIONS = ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_example_is_answered_without_a_failure_of_ours(version: str, tmp_path: Path) -> None:
    events = json.loads(node(f"@octokit/webhooks-examples/{version}/index.json").read_text())
    environment = service_environment(tmp_path / "home", KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret")
    port, said = free_port(), Counter[str]()
    with (
        running_service(port, environment, tmp_path / "log", "--no-worker"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        for event in events:
            for example in event["examples"]:
                body, headers = signed(event["name"], example)
                answer = client.post("/github/webhooks", content=body, headers=headers)
                assert answer.status_code == 202, (event["name"], answer.text)
                told = answer.json()["status"]
                assert (told == "ignored") == (event["name"] not in EVENTS)
                said[told] += 1
    print(version, dict(said))
    assert said["ignored"] > 40
    assert said["accepted"] >= 1, "a push at least"
