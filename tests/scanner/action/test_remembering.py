"""What runners remember: where it is, whose it is, and that rules and code decide what it says."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from keyfuse_scanner.action import remembering
from keyfuse_scanner.policy import Policy
from support.hooks import push_payload
from support.keys import make_key
from support.workflow import pull_request


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Return the folder of the cache; it is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "keyfuse"


def test_the_folder_is_made_private_before_anything_is_restored(cache, keyfuse):
    done = keyfuse("action", "--prepare")
    assert done.code == 0
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    lines = done.out.splitlines()
    assert lines[:4] == [
        "memory<<end-of-paths",
        f"{cache}/history-*",
        f"{cache}/pack-*",
        "end-of-paths",
    ]
    (code,) = lines[4:]
    assert code.startswith("code=")
    assert len(code) == len("code=") + 64
    assert keyfuse("action", "--prepare").out == done.out


def test_compiled_rules_never_leave_the_runner(cache, repo, keyfuse):
    keyfuse("action", "--prepare")
    keyfuse("scan")
    compiled = [path.name for path in cache.iterdir()]
    assert compiled
    kept = {path.name for pattern in remembering._KEPT for path in cache.glob(pattern)}
    assert not kept & {name for name in compiled if name.startswith("engine-")}


def test_only_what_main_or_a_schedule_scanned_is_kept(workflow, remote, cache):
    head = remote.commit("first")
    remote.push("HEAD:refs/heads/main", "HEAD:refs/heads/topic")
    push = push_payload(remote.name, "0" * 40, head)

    def remembers(event, payload):
        runner = workflow()
        runner.check_out(head)
        return runner.run(event, payload, head).outputs["remember"]

    cache.mkdir(mode=0o700, parents=True)
    assert remembers("push", push) == "false", "there is nothing to keep"
    (cache / "history-0").touch()
    assert remembers("push", push) == remembers("schedule", {}) == "true"
    for event, payload in (
        ("push", push | {"ref": "refs/heads/topic"}),
        ("pull_request", pull_request(head, head)),
        ("workflow_dispatch", {}),
    ):
        assert remembers(event, payload) == "false"


def test_the_next_runner_finds_the_same_with_what_the_last_one_remembered(
    workflow, remote, cache, planted
):
    remote.commit("leak", a_txt=f"{make_key().reveal()}\n")
    head = remote.commit("hide", a_txt="nothing\n")
    remote.push("HEAD:refs/heads/main")
    cache.mkdir(mode=0o700, parents=True)
    found = []
    for _ in range(2):
        runner = workflow()
        runner.workspace = planted / "the-same-on-every-runner"
        runner.check_out(head)
        done = runner.run("schedule", {}, head)
        found.append((done.code, done.outputs, done.log))
        shutil.rmtree(runner.workspace)
    assert found[0] == found[1]
    assert found[0][1]["findings"] == "1"
    assert found[0][1]["remember"] == "true"
    (history,) = cache.glob("history-*")
    assert history.stat().st_size


def test_rules_are_told_apart_by_what_they_say_wherever_they_are(tmp_path):
    def key(name, **fields):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "rules.toml").write_text(fields.pop("text", "rules = []"))
        os.utime(folder / "rules.toml", (len(name), len(name)))
        policy = Policy(source=Path(folder, "keyfuse.toml"), rule_files=(".",), **fields)
        return remembering.rules_key(policy)

    same = key("one")
    assert key("another") == same
    assert key("other", text="rules = [ ]") != same
    assert key("less", disabled=("keyfuse-key",)) != same
