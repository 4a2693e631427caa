"""What each event brings is scanned whole, however little of it was checked out."""

import pytest

from keyfuse_scanner.action.checkout import parents_of
from keyfuse_scanner.git import Repository
from support.hooks import push_payload
from support.keys import break_checksum, make_key
from support.workflow import ZERO, pull_request

KEY, OTHER, THIRD = (make_key(seed=seed).reveal() for seed in range(3))
DECOY = break_checksum(make_key(seed=9).reveal())


@pytest.fixture
def main(remote):
    """Return the first commit; the branch main is at it."""
    first = remote.commit("first", a_txt="one\n")
    remote.commits(30)
    remote.push("HEAD:refs/heads/main")
    return first


def tip(remote):
    return remote.git("rev-parse", "HEAD")


def push(workflow, remote, before, after, *depth, **changes):
    runner = workflow()
    runner.check_out(after, *depth)
    return runner.run("push", push_payload(remote.name, before, after, **changes), after)


def test_five_pushed_commits_are_scanned_from_a_checkout_of_one(workflow, remote, main):
    before = tip(remote)
    for number in range(5):
        key = make_key(seed=number).reveal()
        remote.commit(f"part {number}", c_txt=f"{key}\n" if number < 4 else f"{DECOY}\n")
    remote.push("HEAD:refs/heads/main")
    done = push(workflow, remote, before, tip(remote), commits=5)
    assert done.code == 1
    assert done.outputs["findings"] == done.outputs["critical"] == "4"
    assert done.outputs["complete"] == "true"
    assert done.log.count("::error ") == 4
    assert DECOY[:20] not in done.log


@pytest.mark.parametrize("commits", [1, 3, 90])
def test_it_deepens_as_far_as_needed_whatever_the_payload_says(workflow, remote, main, commits):
    before = tip(remote)
    remote.commit("the first of many", c_txt=f"{KEY}\n")
    remote.commits(70, "c.txt")
    remote.push("HEAD:refs/heads/main")
    done = push(workflow, remote, before, tip(remote), commits=commits)
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "true")


def test_what_was_there_before_is_no_news(workflow, remote, main):
    remote.commit("old", old_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    before = tip(remote)
    remote.commit("new", new_txt="nothing\n")
    remote.push("HEAD:refs/heads/main")
    for depth in (("--depth=1",), ("--depth=2",), ("--no-tags",)):
        done = push(workflow, remote, before, tip(remote), *depth)
        assert (done.code, done.outputs["findings"]) == (0, "0")
        assert done.outputs["complete"] == "true"


def test_a_checkout_is_never_made_shorter(workflow, remote, main):
    before = tip(remote)
    remote.commit("new", new_txt="nothing\n")
    remote.push("HEAD:refs/heads/main")
    after = tip(remote)
    for depth, options in ((25, ["--depth=25"]), (32, ["--no-tags"])):
        runner = workflow()
        runner.check_out(after, *options)
        runner.run("push", push_payload(remote.name, before, after), after)
        assert int(runner.git("rev-list", "--count", "HEAD")) >= depth


def test_a_new_branch_is_compared_with_the_default_branch(workflow, remote, main):
    remote.commit("old", old_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    remote.commit("topic", new_txt=f"{OTHER}\n")
    remote.push("HEAD:refs/heads/topic")
    done = push(workflow, remote, ZERO, tip(remote), ref="refs/heads/topic")
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "true")
    assert "new.txt" in done.log


def test_a_branch_that_is_named_like_the_default_one_at_its_end_is_another(workflow, remote, main):
    remote.commit("topic", new_txt=f"{OTHER}\n")
    remote.push("HEAD:refs/heads/topic", "HEAD:refs/heads/a\N{NO-BREAK SPACE}b/refs/heads/main")
    done = push(workflow, remote, ZERO, tip(remote), ref="refs/heads/topic")
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "true")


def test_the_parents_of_a_commit_are_not_what_its_author_is_called(remote, main):
    separator = "\N{LINE SEPARATOR}"
    author = f"--author=a{separator}parent {'1' * 40} <a@example.com>"
    parent = tip(remote)
    remote.git("commit", "-q", "--allow-empty", "-m", "two lines to Python", author)
    assert parents_of(Repository(str(remote.work)), tip(remote)) == (parent,)


def test_the_first_push_of_the_default_branch_is_all_new(workflow, remote, main):
    remote.commit("old", old_txt=f"{KEY}\n")
    remote.commit("gone", old_txt="nothing\n")
    remote.push("HEAD:refs/heads/main")
    done = push(workflow, remote, ZERO, tip(remote))
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "true")


def test_a_forced_push_brings_what_neither_the_branch_nor_main_had(workflow, remote, main):
    remote.commit("old", old_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    remote.git("checkout", "-q", "-b", "topic", main)
    before = remote.commit("before", new_txt=f"{OTHER}\n")
    remote.push("HEAD:refs/heads/topic")
    remote.git("reset", "-q", "--hard", "main")
    remote.commit("rebased", new_txt=f"{OTHER}\n", more_txt=f"{THIRD}\n")
    remote.push("HEAD:refs/heads/topic")
    done = push(workflow, remote, before, tip(remote), ref="refs/heads/topic", forced=True)
    assert (done.code, done.outputs["findings"]) == (1, "1")
    assert "more.txt" in done.log


@pytest.mark.parametrize("ref", ["refs/heads/topic", "refs/heads/main"])
def test_where_the_old_commit_is_gone_more_is_scanned_and_said(workflow, remote, main, ref):
    remote.commit("old", old_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    remote.commit("new", new_txt=f"{OTHER}\n")
    remote.push(f"HEAD:{ref}")
    done = push(workflow, remote, "1" * 40, tip(remote), ref=ref, forced=True)
    expected = "1" if ref.endswith("topic") else "2"
    assert (done.code, done.outputs["findings"]) == (1, expected)
    assert done.outputs["complete"] == "true"
    assert "the commit before is not to be had any more" in done.log
    assert "the commit before is not to be had any more" in done.summary


def test_a_branch_that_was_deleted_brings_nothing(workflow, remote, main):
    runner = workflow()
    runner.check_out(tip(remote))
    done = runner.run("push", push_payload(remote.name, tip(remote), ZERO), tip(remote))
    assert (done.code, done.outputs["findings"]) == (0, "0")
    assert "deleted" in done.summary


def test_the_message_of_a_pushed_tag_counts(workflow, remote, main):
    remote.git("tag", "-a", "v1", "-m", f"with {KEY}")
    remote.push("refs/tags/v1")
    tag = remote.git("rev-parse", "v1")
    runner = workflow()
    runner.check_out(tip(remote))
    payload = push_payload(remote.name, ZERO, tag, ref="refs/tags/v1")
    done = runner.run("push", payload, tip(remote))
    assert (done.code, done.outputs["findings"]) == (1, "1")
    assert "tag-message" in done.log


def test_a_pull_request_of_a_fork_brings_its_commits(workflow, remote, main):
    """Its merge is checked out; base and main have moved on, with a secret that is not its own."""
    remote.git("checkout", "-q", "-b", "topic")
    remote.commit("part one", new_txt=f"{KEY}\n")
    head = remote.commit("part two, which hides it", new_txt="nothing\n")
    remote.git("checkout", "-q", "main")
    stale = tip(remote)
    remote.commit("old", old_txt=f"{OTHER}\n")
    remote.push("main")
    remote.git("checkout", "-q", "--detach")
    remote.git("merge", "-q", "--no-ff", "-m", "try out", "topic")
    merge = tip(remote)
    remote.push(f"{head}:refs/pull/7/head", f"{merge}:refs/pull/7/merge")
    runner = workflow()
    runner.check_out(merge, ref="refs/remotes/pull/7/merge")
    done = runner.run("pull_request", pull_request(stale, head), merge)
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "true")
    assert "new.txt" in done.log


def test_a_pull_request_that_took_main_over_does_not_answer_for_it(workflow, remote, main):
    stale = tip(remote)
    remote.git("checkout", "-q", "-b", "topic")
    remote.commit("part one", new_txt="nothing\n")
    remote.git("checkout", "-q", "main")
    remote.commit("old", old_txt=f"{OTHER}\n")
    remote.push("main")
    remote.git("checkout", "-q", "topic")
    remote.git("merge", "-q", "-m", "take main over", "main")
    head = tip(remote)
    remote.git("checkout", "-q", "--detach", "main")
    remote.git("merge", "-q", "--no-ff", "-m", "try out", "topic")
    merge = tip(remote)
    remote.push(f"{head}:refs/pull/7/head", f"{merge}:refs/pull/7/merge")
    runner = workflow()
    runner.check_out(merge, ref="refs/remotes/pull/7/merge")
    done = runner.run("pull_request", pull_request(stale, head), merge)
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (0, "0", "true")


def test_a_merge_group_brings_its_commits(workflow, remote, main):
    base = tip(remote)
    head = remote.commit("queued", new_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/gh-readonly-queue/main/pr-7")
    runner = workflow()
    runner.check_out(head)
    payload = {"action": "checks_requested", "merge_group": {"base_sha": base, "head_sha": head}}
    done = runner.run("merge_group", payload, head)
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "true")


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch", "release"])
@pytest.mark.parametrize("depth", ["--depth=1", "--no-tags"])
def test_all_history_of_all_branches_and_tags(workflow, remote, main, event, depth):
    head = tip(remote)
    remote.git("checkout", "-q", "-b", "topic")
    remote.commit("elsewhere", new_txt=f"{KEY}\n")
    remote.commit("gone", new_txt="nothing\n")
    remote.push("HEAD:refs/heads/topic")
    remote.git("tag", "-a", "v1", "-m", f"with {OTHER}", main)
    remote.push("refs/tags/v1")
    runner = workflow()
    runner.check_out(head, depth)
    done = runner.run(event, {"schedule": "0 0 * * 0"}, head)
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "2", "true")


@pytest.mark.parametrize("event", ["push", "schedule"])
def test_what_cannot_be_fetched_is_never_a_silent_pass(workflow, remote, main, server, event):
    before = tip(remote)
    for number in range(5):
        remote.commit(f"part {number}", c_txt=f"{number}\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(tip(remote))
    server.status = 503
    payload = push_payload(remote.name, before, tip(remote), commits=5)
    done = runner.run(event, payload, tip(remote))
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (3, "0", "false")
    assert "503" in done.log
    assert "Not scanned" in done.summary


def test_what_was_found_counts_even_where_not_all_could_be_had(workflow, remote, main, server):
    before = tip(remote)
    remote.commit("part", c_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(tip(remote))
    server.status = 503
    done = runner.run("push", push_payload(remote.name, before, tip(remote)), tip(remote))
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "false")


def test_a_commit_that_is_not_to_be_had_at_all(workflow, remote, main):
    runner = workflow()
    runner.check_out(tip(remote))
    done = runner.run("push", push_payload(remote.name, tip(remote), "1" * 40), tip(remote))
    assert (done.code, done.outputs["complete"]) == (3, "false")


def test_a_private_repository_is_read_with_the_token_of_the_workflow(
    workflow, remote, main, server
):
    """Also where the checkout left its own header behind: two of them are refused by GitHub."""
    before = tip(remote)
    remote.commit("part", c_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    server.token = "ghs-stands-for-a-token"
    runner = workflow()
    runner.check_out(tip(remote))
    header = f"http.{server.url}/.extraheader"
    runner.git("config", header, "Authorization: Basic d3Jvbmc6d3Jvbmc=")
    server.authorizations.clear()
    payload = push_payload(remote.name, before, tip(remote))
    done = runner.run(
        "push", payload, tip(remote), INPUT_TOKEN=server.token, INPUT_UPLOAD_SARIF="false"
    )
    assert (done.code, done.outputs["findings"], done.outputs["complete"]) == (1, "1", "true")
    assert len(set(server.authorizations)) == 1
    assert server.token not in (runner.workspace / ".git" / "config").read_text()
    assert server.token not in done.log + done.summary
