"""Whose word on ignoring counts: that of the base commit, never that of a proposal."""

import pytest

from keyfuse_scanner.errors import PolicyError
from support.hooks import push_payload
from support.keys import make_key
from support.workflow import pull_request

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))
IGNORE_ALL = 'ignores = ["**"]\n'


@pytest.fixture
def base(remote):
    commit = remote.commit("first", a_txt="one\n")
    remote.push("HEAD:refs/heads/main")
    return commit


def propose(workflow, remote, base, **inputs):
    head = remote.git("rev-parse", "HEAD")
    remote.push("HEAD:refs/pull/7/head")
    runner = workflow()
    runner.check_out(head)
    return runner.run("pull_request", pull_request(base, head), head, **inputs)


@pytest.mark.parametrize(
    "files",
    [
        {"keyfuse_toml": IGNORE_ALL},
        {"keyfuse_toml": 'disabled = ["keyfuse-key"]\n'},
        {"pyproject_toml": "[tool.keyfuse]\nmax_file_size = 1\n"},
    ],
)
def test_a_proposal_cannot_switch_off_what_judges_it(workflow, remote, base, files):
    remote.commit("switch it off", new_txt=f"{KEY}\n", **files)
    done = propose(workflow, remote, base)
    assert (done.code, done.outputs["findings"]) == (1, "1")


def test_nor_can_its_lists(workflow, remote, base):
    known = remote.commit("baseline", a_txt="two\n")
    remote.push("HEAD:refs/heads/main")
    done = propose(workflow, remote, known)
    assert done.code == 0
    remote.commit("leak", new_txt=f"{KEY}\n")
    leaked = propose(workflow, remote, known)
    fingerprint = next(
        word.strip("`") for word in leaked.summary.split() if len(word.strip("`")) == 32
    )
    (remote.work / ".keyfuseignore").write_text(f"{fingerprint}\n")
    (remote.work / ".keyfuse-baseline").write_text(f"{fingerprint}\n")
    remote.git("add", ".")
    remote.commit("say that it is known")
    assert propose(workflow, remote, known).code == 1


def test_what_the_base_says_counts(workflow, remote, base):
    rules = remote.work / "rules"
    rules.mkdir()
    (rules / "own.toml").write_text(
        '[[rules]]\nid = "ticket"\ntitle = "Ticket"\npattern = "TICKET-[0-9]{6}"\n'
        'severity = "high"\nliterals = ["TICKET-"]\n'
    )
    remote.git("add", ".")
    policy = 'rule_files = ["rules"]\nignores = [{paths = ["vendor/"], reason = "not ours"}]\n'
    (remote.work / "vendor").mkdir()
    known = remote.commit("policy", keyfuse_toml=policy)
    remote.push("HEAD:refs/heads/main")
    (remote.work / "vendor" / "x").write_text(f"{KEY}\n")
    remote.git("add", ".")
    remote.commit("propose", keyfuse_toml="", new_txt="TICKET-123456\n")
    done = propose(workflow, remote, known)
    assert (done.code, done.outputs["findings"], done.outputs["high"]) == (1, "1", "1")
    assert "1 ignored" in done.log


def test_a_push_is_judged_by_the_policy_it_brings(workflow, remote, base):
    head = remote.commit("leak", keyfuse_toml=IGNORE_ALL, new_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    done = runner.run("push", push_payload(remote.name, base, head), head)
    assert (done.code, done.outputs["findings"]) == (0, "0")


def test_the_files_of_the_checkout_do_not_matter(workflow, remote, base):
    """An earlier step may have changed them."""
    head = remote.commit("leak", new_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    (runner.workspace / "keyfuse.toml").write_text(IGNORE_ALL)
    assert runner.run("push", push_payload(remote.name, base, head), head).code == 1


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../outside"])
def test_a_policy_names_files_of_its_repository_only(workflow, remote, base, name):
    head = remote.commit("leak", keyfuse_toml=f'ignore_file = "{name}"\n')
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    with pytest.raises(PolicyError, match="of its own repository"):
        runner.run("push", push_payload(remote.name, base, head), head)


def test_a_policy_of_absurd_size_is_refused(workflow, remote, base, monkeypatch):
    monkeypatch.setattr("keyfuse_scanner.action.committed_policy._LARGEST", 10)
    head = remote.commit("leak", keyfuse_toml="# a long comment\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    with pytest.raises(PolicyError, match="larger than 10 bytes"):
        runner.run("push", push_payload(remote.name, base, head), head)


def test_without_the_base_no_policy_is_in_force(workflow, remote, base):
    remote.commit("policy", keyfuse_toml=IGNORE_ALL)
    remote.push("HEAD:refs/heads/main")
    remote.commit("leak", new_txt=f"{KEY}\n")
    done = propose(workflow, remote, "1" * 40)
    assert (done.code, done.outputs["findings"]) == (1, "1")
    assert "so no policy is in force" in done.log


def test_a_policy_that_is_wrong_is_named_with_its_commit(workflow, remote, base):
    head = remote.commit("wrong", keyfuse_toml="colour = 1\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    with pytest.raises(PolicyError, match=f"in commit {head}: keyfuse.toml: colour is no setting"):
        runner.run("push", push_payload(remote.name, base, head), head)
