"""What a push brought, against a real git server: exactly that, whatever kind of push it was."""

import subprocess

import pytest

from keyfuse_scanner import git as scanner_git
from keyfuse_scanner.git import Repository
from keyfuse_webhook.events import read_push
from keyfuse_webhook.git_fetch import fetch
from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_range import NewCommits, fetch_new
from support.hooks import ZERO, push_payload

NAME = RepositoryName("acme", "app")


@pytest.fixture
def remote(server):
    return server.repository()


@pytest.fixture
def new(server, tmp_path):
    """What a push brought, by a mirror that remembers the pushes before."""
    mirrors = Mirrors(tmp_path / "mirrors")
    depths = []

    def ask(before, after, commits=1, **changes):
        push = read_push(push_payload("acme/app", before, after, commits, **changes))
        depths.clear()
        with mirrors.mirror(NAME) as mirror:

            def fetcher(refspecs, depth):
                depths.append(depth)
                fetch(mirror, NAME.clone_url(server.url), refspecs, depth=depth)

            found = fetch_new(mirror, push, fetcher)
            if found is None:
                return None
            listed = scanner_git.run(
                Repository(str(mirror)), "rev-list", found.tip,
                *([f"^{found.base}"] if found.base else []),
            )  # fmt: skip
            return found, set(listed.decode().split())

    ask.depths = depths
    return ask


def deep(depths):
    return [depth for depth in depths if depth is None or depth > 1000]


def test_one_commit_costs_two_generations(remote, new):
    *_, before, after = [remote.commit(str(number)) for number in range(20)]
    remote.push()
    assert new(before, after) == (NewCommits(before, after), {after})
    assert new.depths == [2]


def test_the_next_push_costs_what_is_new(remote, new):
    first, second, third, fourth = (remote.commit(str(number)) for number in range(4))
    remote.push()
    new(first, second)
    assert new(second, fourth, 2) == (NewCommits(second, fourth), {third, fourth})
    assert new.depths == [None]


def test_first_push_of_the_default_branch_is_all_new(remote, new):
    commits = [remote.commit(str(number)) for number in range(3)]
    remote.push()
    assert new(ZERO, commits[-1], 3) == (NewCommits(None, commits[-1]), set(commits))


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_new_branch_is_what_the_default_branch_lacks(remote, new, commits):
    remote.commit()
    base = remote.commit()
    remote.push()
    remote.git("switch", "-q", "-c", "topic")
    made = [remote.commit(str(number)) for number in range(commits)]
    remote.push()
    tip = made[-1] if made else base
    assert new(ZERO, tip, commits, ref="refs/heads/topic") == (NewCommits(base, tip), set(made))


def test_first_branch_beside_an_empty_default_branch(remote, new):
    remote.git("switch", "-q", "-c", "topic")
    tip = remote.commit()
    remote.push()
    assert new(ZERO, tip, ref="refs/heads/topic") == (NewCommits(None, tip), {tip})


@pytest.mark.parametrize("annotated", [False, True])
def test_new_tag_on_commits_that_no_branch_has(remote, new, annotated):
    base = remote.commit()
    remote.push()
    remote.git("switch", "-q", "--detach")
    tip = remote.commit()
    remote.git("tag", *(["-a", "-m", "a tag"] if annotated else []), "v1")
    remote.push("v1")
    after = remote.git("rev-parse", "v1")
    assert new(ZERO, after, 0, ref="refs/tags/v1") == (NewCommits(base, after), {tip})


def test_force_push_is_what_the_old_side_lacks(remote, new):
    base, old = remote.commit("base"), remote.commit("old")
    remote.push()
    remote.git("reset", "-q", "--hard", base)
    tip = remote.commit("new")
    remote.push()
    assert new(old, tip, 1, forced=True) == (NewCommits(old, tip), {tip})
    assert deep(new.depths)


@pytest.mark.parametrize("known", [False, True])
def test_force_push_whose_old_side_is_gone(remote, new, known):
    base, old = remote.commit("base"), remote.commit("old")
    remote.push()
    if known:
        new(base, old)
    remote.git("reset", "-q", "--hard", base)
    tip = remote.commit("new")
    remote.push()
    forget(remote.bare)
    found = new(old, tip, 1, forced=True)
    # On the default branch with nothing to compare with, all of it counts as new.
    assert found == (
        (NewCommits(old, tip), {tip}) if known else (NewCommits(None, tip), {base, tip})
    )


def test_force_push_of_another_branch_whose_old_side_is_gone(remote, new):
    base = remote.commit("base")
    remote.push()
    remote.git("switch", "-q", "-c", "topic")
    old = remote.commit("old")
    remote.push()
    remote.git("reset", "-q", "--hard", base)
    tip = remote.commit("new")
    remote.push()
    forget(remote.bare)
    found = new(old, tip, 1, forced=True, ref="refs/heads/topic")
    assert found == (NewCommits(base, tip), {tip})


def test_merge_of_a_branch_that_was_pushed_with_it(remote, new):
    base = remote.commit("base")
    remote.git("switch", "-q", "-c", "topic")
    topic = [remote.commit("one"), remote.commit("two")]
    remote.git("switch", "-q", "main")
    before = remote.commit("main")
    remote.push()
    remote.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    tip = remote.git("rev-parse", "HEAD")
    remote.push()
    found = new(before, tip, 3)
    assert found == (NewCommits(before, tip), {*topic, tip})
    assert base not in found[1]


def test_merge_of_an_old_branch_brings_no_old_history(remote, new):
    old = [remote.commit(f"old {number}") for number in range(5)]
    remote.git("switch", "-q", "-c", "topic")
    topic = remote.commit("topic")
    remote.git("switch", "-q", "main")
    later = [remote.commit(f"later {number}") for number in range(5)]
    remote.push()
    remote.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    tip = remote.git("rev-parse", "HEAD")
    remote.push()
    found, commits = new(later[-1], tip, 2)
    assert commits == {topic, tip}
    assert not commits & set(old)
    assert found.base == later[-1]


def test_push_of_more_commits_than_a_payload_names(remote, new):
    before = remote.commit("base")
    made = {remote.commit(str(number)) for number in range(5)}
    tip = remote.git("rev-parse", "HEAD")
    remote.push()
    assert new(before, tip, 2048) == (NewCommits(before, tip), made)
    assert new(before, tip, 0)[1] == made


def test_push_whose_commits_are_gone(remote, new):
    before, gone = remote.commit("base"), remote.commit("gone")
    remote.push()
    remote.git("reset", "-q", "--hard", before)
    remote.push()
    forget(remote.bare)
    assert new(before, gone) is None


def test_same_push_again_fetches_nothing_and_says_the_same(remote, new):
    before, after = remote.commit(), remote.commit()
    remote.push()
    assert new(before, after) == new(before, after)


def forget(bare):
    """Drop what no ref reaches, as GitHub does some day."""
    subprocess.run(["git", "reflog", "expire", "--expire=now", "--all"], cwd=bare, check=True)
    subprocess.run(["git", "gc", "-q", "--prune=now"], cwd=bare, check=True)
