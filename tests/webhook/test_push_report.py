"""From a push to a check run: once, whole, and with nothing secret in it, whatever breaks off."""

import shutil
import subprocess

import pytest

from keyfuse_webhook.jobs_model import TryAgain
from support.byhand import ByHand
from support.githubapi import Fault
from support.githubapi_routes import Answer
from support.hooks import ZERO, push_payload
from support.hunt import holds_key


@pytest.fixture
def jobs(settings, open_service, server, api):
    def start(config="", **more):
        given = api.settings(KEYFUSE_GITHUB_SERVER_URL=server.url)
        return ByHand(open_service(settings(config, **given | more)))

    return start


def pushed(remote, commits=1, **changes):
    remote.push()
    before, after = remote.git("rev-parse", f"HEAD~{commits}"), remote.git("rev-parse", "HEAD")
    return push_payload(remote.name, before, after, commits) | changes


def leak(jobs, remote, keys=1):
    """Push a file with keys of ours, a line each."""
    issued = [jobs.service.issue() for _ in range(keys)]
    lines = "".join(f"{one.token.reveal()}\n" for one in issued)
    remote.commit("a leak", b_txt=lines)
    return issued


def test_a_leak_is_a_failed_check_run_on_the_head_commit(jobs, remote, api):
    jobs = jobs()
    (issued,) = leak(jobs, remote)
    (report,) = jobs.push(pushed(remote))
    outcome = jobs.run(report)
    assert (outcome.state, outcome.reason) == (
        "done",
        "1 API key of ours was pushed; it is revoked",
    )
    (run,) = api.check_runs
    assert run["repository"] == "acme/app"
    assert run["head_sha"] == remote.git("rev-parse", "HEAD")
    assert (run["status"], run["conclusion"]) == ("completed", "failure")
    (annotation,) = run["all"]
    assert (annotation["path"], annotation["start_line"]) == ("b.txt", 1)
    assert issued.key.id in annotation["title"]
    assert not holds_key(repr(api.asked).encode())
    assert {call.permissions["checks"] for call in api.asked} == {"write"}


def test_a_clean_push_is_a_success(jobs, remote, api):
    jobs = jobs()
    remote.commit("harmless", b_txt="x")
    (report,) = jobs.push(pushed(remote))
    assert jobs.run(report).reason == "No API keys of ours"
    assert api.check_runs[0]["conclusion"] == "success"
    assert len(api.asked) == 2


@pytest.mark.parametrize("keys", [50, 51, 120])
def test_annotations_go_in_batches_of_fifty(jobs, remote, api, keys):
    jobs = jobs()
    leak(jobs, remote, keys)
    (report,) = jobs.push(pushed(remote))
    jobs.run(report)
    (run,) = api.check_runs
    assert [one["start_line"] for one in run["all"]] == list(range(1, keys + 1))
    assert run["status"] == "completed"
    assert len(api.did("PATCH", "check-runs")) == (keys - 1) // 50


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("after", [False, True])
def test_a_report_that_broke_off_is_finished_without_a_repetition(jobs, remote, api, method, after):
    jobs = jobs()
    leak(jobs, remote, 120)
    (report,) = jobs.push(pushed(remote))
    api.faults.append(Fault(method, "check-runs", None, after))
    with pytest.raises(TryAgain):
        jobs.run(report)
    assert jobs.run(report).state == jobs.run(report).state == "done"
    (run,) = api.check_runs
    assert [one["start_line"] for one in run["all"]] == list(range(1, 121))
    assert (run["status"], run["conclusion"]) == ("completed", "failure")


def test_the_same_range_is_reported_whatever_became_of_the_branch(jobs, remote, api):
    """A report may wait for hours while a branch is merged; what it brought remains the same."""
    jobs = jobs()
    remote.git("checkout", "-q", "-b", "topic")
    leak(jobs, remote)
    remote.push()
    tip = remote.git("rev-parse", "HEAD")
    (report,) = jobs.push(push_payload(remote.name, ZERO, tip) | {"ref": "refs/heads/topic"})
    remote.push("HEAD:main")
    assert jobs.run(report).reason == "1 API key of ours was pushed; it is revoked"


def test_a_worker_with_no_mirror_yet_reports_all_the_same(jobs, remote, api):
    jobs = jobs()
    leak(jobs, remote)
    (report,) = jobs.push(pushed(remote))
    shutil.rmtree(jobs.service.store.settings.home / "mirrors")
    assert jobs.run(report).reason == "1 API key of ours was pushed; it is revoked"


def test_a_tag_is_reported_on_its_commit_and_a_second_name_not_at_all(jobs, remote, api):
    jobs = jobs()
    leak(jobs, remote)
    head = remote.git("rev-parse", "HEAD")
    remote.git("tag", "-a", "-m", "first", "v1")
    remote.push("v1")
    tag = remote.git("rev-parse", "v1")
    of_tag = push_payload(remote.name, ZERO, tag, 0) | {"ref": "refs/tags/v1"}
    (report,) = jobs.push(of_tag)
    jobs.run(report)
    assert api.check_runs[0]["head_sha"] == head != tag
    (report,) = jobs.push(pushed(remote), "push-2")
    jobs.run(report)
    # All of it is on the default branch now: a success there would hide the failure.
    assert jobs.push(of_tag | {"ref": "refs/tags/v2"}, "push-3") == []


def test_without_an_app_an_installation_or_the_wish_nothing_is_reported(jobs, remote, api):
    off = jobs(KEYFUSE_GITHUB_REPORT="off")
    remote.commit("harmless")
    payload = pushed(remote)
    assert off.push(payload) == []
    assert jobs().push(payload | {"installation": None}) == []
    alone = jobs(KEYFUSE_GITHUB_APP_ID="", KEYFUSE_GITHUB_APP_PRIVATE_KEY="")
    assert alone.push(payload) == []


def test_a_report_that_waits_while_the_app_is_taken_away_ends(jobs, remote, api):
    app = jobs()
    remote.commit("harmless")
    (report,) = app.push(pushed(remote))
    alone = jobs(KEYFUSE_GITHUB_APP_ID="", KEYFUSE_GITHUB_APP_PRIVATE_KEY="")
    assert alone.run(report).state == "failed"


@pytest.mark.parametrize(("what", "made"), [("comment", "comments"), ("issue", "issues")])
def test_a_comment_or_an_issue_is_made_once(jobs, remote, api, what, made):
    jobs = jobs(KEYFUSE_GITHUB_REPORT=what)
    leak(jobs, remote)
    (report,) = jobs.push(pushed(remote))
    part = "/comments" if what == "comment" else "/issues"
    api.faults.append(Fault("POST", part, None, after=True))
    with pytest.raises(TryAgain):
        jobs.run(report)
    assert jobs.run(report).reason.endswith(f"{what} made")
    (one,) = getattr(api, made)
    assert "revoked" in one["body"]
    assert not holds_key(repr(one).encode())
    assert len(api.check_runs) == 1


@pytest.mark.parametrize("what", ["comment", "issue"])
def test_nobody_is_led_to_a_key_that_still_works(jobs, remote, api, what):
    policy = '[[key_types]]\nprefix = "acme_live"\non_leak = "notify"\n'
    jobs = jobs(policy, KEYFUSE_GITHUB_REPORT=what)
    leak(jobs, remote)
    (report,) = jobs.push(pushed(remote))
    assert jobs.run(report).reason == "1 API key of ours was pushed; it still works"
    assert api.comments == api.issues == []


def test_an_app_without_the_permission_fails_once_and_says_which(jobs, remote, api):
    jobs = jobs()
    remote.commit("harmless")
    (report,) = jobs.push(pushed(remote))
    api.faults.append(Fault("POST", "check-runs", Answer(403, {"message": "Resource not"})))
    outcome = jobs.run(report)
    assert outcome.state == "failed"
    assert "permission" in outcome.reason


def test_a_limit_of_the_api_is_waited_out(jobs, remote, api):
    jobs = jobs()
    remote.commit("harmless")
    (report,) = jobs.push(pushed(remote))
    api.faults.append(Fault("POST", "check-runs", Answer(429, {}, {"Retry-After": "120"})))
    with pytest.raises(TryAgain) as caught:
        jobs.run(report)
    assert caught.value.after == 120


def test_commits_gone_meanwhile_end_the_report(jobs, remote, api, server):
    jobs = jobs()
    remote.commit("harmless")
    (report,) = jobs.push(pushed(remote))
    shutil.rmtree(jobs.service.store.settings.home / "mirrors")
    remote.git("push", "-q", "--force", "origin", "HEAD~:main")
    for command in (("reflog", "expire", "--all", "--expire=now"), ("gc", "-q", "--prune=now")):
        subprocess.run(["git", *command], cwd=remote.bare, check=True)
    assert jobs.run(report).reason == "what was pushed is not there any more"
    server.status = 404
    shutil.rmtree(jobs.service.store.settings.home / "mirrors")
    assert jobs.run(report).state == "failed"
    assert api.check_runs == []
