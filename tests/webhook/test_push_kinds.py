"""Pushes of every kind, from the signed delivery to the fate of the keys in them."""

import json

import pytest

from keyfuse_webhook.events import read_push
from support.byhand import ByHand
from support.hooks import ZERO, push_payload, signed


@pytest.fixture
def jobs(settings, open_service, server, api):
    given = api.settings(KEYFUSE_GITHUB_SERVER_URL=server.url, KEYFUSE_GITHUB_REPORT="off",
                         KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret")  # fmt: skip
    return ByHand(open_service(settings(**given)))


def deliver(jobs, payload, event="push"):
    body, headers = signed(event, payload)
    answer = jobs.service.request("POST", "/github/webhooks", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["status"]


def test_a_push_to_a_fork_is_that_of_its_own_repository(jobs, server, remote):
    """What a fork has from its parent is not new in it."""
    old, new = jobs.service.issue(), jobs.service.issue()
    remote.commit("known upstream", a_txt=old.token.reveal())
    remote.push()
    fork = server.repository("ada/app")
    fork.git("pull", "-q", str(remote.bare), "main")
    fork.push("HEAD:main")
    before = fork.git("rev-parse", "HEAD")
    after = fork.commit("of the fork", b_txt=new.token.reveal())
    fork.push("HEAD:main")
    payload = push_payload("ada/app", before, after)
    payload["repository"]["fork"] = True
    assert jobs.event("push", payload).reason == "1 key of ours"
    assert jobs.service.state(new) == "revoked"
    assert jobs.service.state(old) == "active"


def test_a_push_that_brings_no_commit_is_clean(jobs, remote):
    tip = remote.git("rev-parse", "HEAD")
    remote.git("push", "-q", "origin", "HEAD:refs/heads/topic")
    empty = push_payload(remote.name, ZERO, tip, 0, ref="refs/heads/topic")
    assert jobs.event("push", empty).reason == "no key of ours"
    again = push_payload(remote.name, tip, tip, 0)
    assert jobs.event("push", again, "2").reason == "no key of ours"


def test_a_branch_or_tag_that_is_deleted_makes_no_job(jobs, remote):
    tip = remote.git("rev-parse", "HEAD")
    for ref in ("refs/heads/topic", "refs/tags/v1"):
        gone = push_payload(remote.name, tip, ZERO, 0, ref=ref, deleted=True)
        assert deliver(jobs, gone) == "ref_deleted"
    assert jobs.service.queue.list() == []


@pytest.mark.parametrize(
    "ref",
    ["refs/heads/$(touch x)", "refs/heads/--upload-pack=x", "refs/heads/a\x1b[2J\u202e\x00",
     "refs/heads/../../x", "refs/heads/" + "x" * 10_000, "", 7, None, ["refs/heads/main"]],
)  # fmt: skip
def test_the_name_of_a_ref_is_never_used(jobs, remote, ref):
    """Whatever a branch is called, its commits are asked for by their ids."""
    before = remote.git("rev-parse", "HEAD")
    issued = jobs.service.issue()
    after = remote.commit("a leak", b_txt=issued.token.reveal())
    remote.push()
    payload = push_payload(remote.name, before, after) | {"ref": ref}
    assert deliver(jobs, payload) == "accepted"
    assert jobs.event("push", payload).reason == "1 key of ours"
    assert jobs.service.state(issued) == "revoked"


def test_a_suspended_installation_is_said_once_and_kills_nothing(jobs, remote, api, server):
    before = remote.git("rev-parse", "HEAD")
    after = remote.commit("more")
    remote.push()
    api.status = 403
    outcome = jobs.event("push", push_payload(remote.name, before, after))
    assert outcome.state == "failed"
    assert "suspended" in outcome.reason
    assert server.paths == [], "nothing is fetched without the installation's leave"
    assert deliver(jobs, {"action": "suspend"}, "installation") == "ignored"


def test_a_payload_of_an_old_enterprise_server_is_understood(jobs, remote):
    """Fewer fields, the default branch under its old name, no installation."""
    before = remote.git("rev-parse", "HEAD")
    issued = jobs.service.issue()
    after = remote.commit("a leak", b_txt=issued.token.reveal())
    remote.push()
    payload = {
        "ref": "refs/heads/main",
        "before": before,
        "after": after,
        "commits": [{"id": after, "message": "a leak"}],
        "repository": {"full_name": remote.name, "master_branch": "main", "private": True},
        "installation": None,
    }
    assert read_push(payload).default
    assert jobs.event("push", payload).reason == "1 key of ours"
    assert jobs.service.state(issued) == "revoked"


def test_the_largest_body_is_taken_and_little_of_it_is_kept(jobs, remote):
    payload = push_payload(remote.name, ZERO, remote.git("rev-parse", "HEAD"), 2048)
    payload["commits"][0]["message"] = "x" * (24 * 1024 * 1024)
    assert deliver(jobs, payload) == "accepted"
    (job,) = jobs.service.queue.list()
    assert sum(map(len, job.arguments)) < 500


def test_duplicate_keys_in_a_body_mean_the_last_as_for_everybody(jobs, remote):
    tip = remote.git("rev-parse", "HEAD")
    body = json.dumps(push_payload(remote.name, ZERO, tip)).encode()
    twice = body[:-1] + b', "after": "' + b"0" * 40 + b'"}'
    assert deliver(jobs, twice) == "ref_deleted"
