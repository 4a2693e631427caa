"""The story itself, step by step; each step checks that what must happen did happen."""

import json
import time
from pathlib import Path
from typing import Any

import httpx

from keyfuse_rules import Secret
from keyfuse_webhook.demo.stage import DemoFailed, Stage
from keyfuse_webhook.demo.timeline import Timeline

OWNER = "ada@example.com"
_BLOCKED = 1
_TIMEOUT_SECONDS = 20.0


def tell(stage: Stage, timeline: Timeline) -> None:
    """Play the whole story.

    Raises:
        DemoFailed: A step did not go as it must.
    """
    timeline.event("stage set", f"service {stage.service}, mail sink {stage.mail.url}, real git")
    token, key_id = _issue(stage, timeline)
    _verify(stage, timeline, token, "valid")
    repository = _repository(stage, token)
    _blocked_commit(stage, timeline, repository)
    _forced_commit(stage, timeline, repository)
    place = _find(stage, timeline, repository, key_id)
    _alert(stage, timeline, token, place)
    _verify(stage, timeline, token, "revoked")
    _mail(stage, timeline, key_id)
    _replay(stage, timeline, token, place)


def _issue(stage: Stage, timeline: Timeline) -> tuple[Secret, str]:
    arguments = ["--prefix", "acme_live", "--owner", OWNER, "--name", "ci", "--expires", "90d"]
    issued = json.loads(
        _succeed(
            "keys issue",
            stage.keyfuse("keys", "issue", *arguments, "--scope", "invoices:read", "--json"),
        )
    )
    timeline.event("key issued", f"acme_live_kf1{issued['id']}… for {OWNER}, shown once", "good")
    return Secret(issued["key"]), issued["id"]


def _verify(stage: Stage, timeline: Timeline, token: Secret, expected: str) -> None:
    began = time.perf_counter()
    answer = _post(stage, "/v1/verify", json.dumps({"key": token.reveal()}).encode()).json()
    if answer["code"] != expected:
        raise DemoFailed(f"verify said {answer['code']}, not {expected}")
    mood = "good" if expected == "valid" else "bad"
    timeline.event("verify", f"{expected}, in {_milliseconds(began)}", mood)


def _repository(stage: Stage, token: Secret) -> Path:
    repository = stage.folder / "repository"
    _succeed("git init", stage.run("git", "init", "--quiet", str(repository)))
    _succeed("hook install", stage.keyfuse("hook", "install", cwd=repository))
    settings = f'url = "https://api.example.com"\nkey = "{token.reveal()}"\n'
    (repository / "settings.toml").write_text(settings, encoding="utf-8")
    _succeed("git add", stage.run("git", "add", "settings.toml", cwd=repository))
    return repository


def _blocked_commit(stage: Stage, timeline: Timeline, repository: Path) -> None:
    blocked = stage.run("git", "commit", "--quiet", "-m", "Add settings", cwd=repository)
    if blocked.returncode != _BLOCKED:
        raise DemoFailed(f"the hook let the commit through (exit {blocked.returncode})")
    timeline.event("commit blocked", "the hook found the key in settings.toml, line 2", "good")


def _forced_commit(stage: Stage, timeline: Timeline, repository: Path) -> None:
    command = ["git", "commit", "--quiet", "--no-verify", "-m", "Add settings"]
    _succeed("git commit --no-verify", stage.run(*command, cwd=repository))
    timeline.event("commit forced", "git commit --no-verify: the key is in the history", "bad")


def _find(stage: Stage, timeline: Timeline, repository: Path, key_id: str) -> str:
    report = json.loads(stage.keyfuse("scan", "--history", "--json", cwd=repository).stdout)
    found = [finding for finding in report["findings"] if finding["key_id"] == key_id]
    if len(found) != 1 or found[0]["checksum"] != "valid":
        raise DemoFailed("the history scan did not find the key")
    finding: dict[str, Any] = found[0]
    place = f"{finding['path']}:{finding['line']} in commit {finding['commit'][:10]}"
    timeline.event("found in the history", f"{place} by {finding['author']}", "good")
    return f"https://github.example/acme/app/blob/{finding['commit']}/{finding['path']}"


def _alert(stage: Stage, timeline: Timeline, token: Secret, url: str) -> None:
    began = time.perf_counter()
    labels = _send_alert(stage, token, url)
    took = _milliseconds(began)
    if labels != ["true_positive"]:
        raise DemoFailed(f"the partner alert was answered {labels}")
    timeline.event("alert sent", "by a stand-in for GitHub, signed with a fresh P-256 key")
    timeline.event(
        "key dead", f"{took} from alert to dead key, committed before the answer", "good"
    )


def _mail(stage: Stage, timeline: Timeline, key_id: str) -> None:
    message = stage.mails(1)[0]
    if message["To"] != OWNER or key_id not in message.as_string():
        raise DemoFailed("the mail does not tell the owner which key leaked")
    timeline.event("owner told", f"mail to {OWNER}: {message['Subject']}", "good")


def _replay(stage: Stage, timeline: Timeline, token: Secret, url: str) -> None:
    if _send_alert(stage, token, url) != ["true_positive"]:
        raise DemoFailed("the replayed alert got another answer")
    if len(stage.mails(1)) != 1:
        raise DemoFailed("the replayed alert sent a second mail")
    timeline.event("alert replayed", "same answer, no second mail", "good")


def _send_alert(stage: Stage, token: Secret, url: str) -> list[str]:
    record = {"token": token.reveal(), "type": "acme_api_key", "url": url, "source": "content"}
    body, headers = stage.github.alert([record])
    answer = _post(stage, "/github/partner-alerts", body, headers)
    return [entry["label"] for entry in answer.json()]


def _post(
    stage: Stage, path: str, body: bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    headers = {"Content-Type": "application/json", **(headers or {})}
    with httpx.Client(trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
        answer = client.post(stage.service + path, content=body, headers=headers)
    if answer.status_code != httpx.codes.OK:
        raise DemoFailed(f"{path} answered {answer.status_code}")
    return answer


def _succeed(step: str, finished: Any) -> str:
    if finished.returncode != 0:
        complaint = finished.stderr.strip().splitlines() or ["no message"]
        raise DemoFailed(f"{step} failed: {complaint[-1]}")
    output: str = finished.stdout
    return output


def _milliseconds(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.0f} ms"
