"""Every way to hide a key is seen through by every way to scan, and no decoy is.

The same files are staged, come with a range, lie in history, also after they are gone from it, and
stand in the work tree.
"""

import json

import pytest

from support.hiding import FILES, OWN_WAYS, WAYS
from support.keys import break_checksum, make_key

EVERY_WAY = WAYS | OWN_WAYS | FILES
KEYS = {way: make_key(seed=seed).reveal() for seed, way in enumerate(EVERY_WAY, 700)}


def content(way, key):
    hide = EVERY_WAY[way][1]
    if way in FILES:
        return hide(key.encode())
    if "utf-16" in way:
        return hide(f"secret = {key}\n".encode())
    return b'secret = "' + hide(key.encode()) + b'"\n'


@pytest.fixture
def staged(repo):
    """Return a repository in which all ways are staged, each with a decoy beside it."""
    repo.commit(first_txt="x")
    for way, key in KEYS.items():
        repo.write(way, content(way, key))
        repo.write(f"decoy/{way}", content(way, break_checksum(key)))
    repo.git("add", "--all")
    return repo


def staged_changes(_repo):
    return ["--staged"]


def work_tree(_repo):
    return ["."]


def commits_in_a_range(repo):
    repo.commit()
    return ["--range", "HEAD~1..HEAD"]


def history(repo):
    repo.commit()
    return ["--history"]


def history_of_what_is_gone(repo):
    repo.commit()
    repo.git("rm", "--quiet", "-r", "decoy", *KEYS)
    repo.commit()
    repo.git("gc", "--quiet")
    return ["--history"]


@pytest.mark.parametrize(
    "mode", [staged_changes, work_tree, commits_in_a_range, history, history_of_what_is_gone]
)
def test_each_way_is_seen_through_and_no_decoy_is(staged, keyfuse, mode):
    done = keyfuse("scan", *mode(staged), "--json")
    report = json.loads(done.out)
    assert done.code == 1
    assert report["errors"] == []
    found = {
        finding["path"]: (finding["key_id"], tuple(finding["decoded"]))
        for finding in report["findings"]
    }
    assert found == {way: (key[-48:-38], EVERY_WAY[way][0]) for way, key in KEYS.items()}


def test_a_commit_is_stopped_by_keys_and_not_by_decoys(staged, keyfuse):
    assert keyfuse("hook", "run").code == 1
    staged.git("rm", "--quiet", "--cached", *KEYS)
    assert keyfuse("hook", "run") == (0, "", "")
    for way in ("base64-twice-11", "zip in zip", "literals in two lines", "utf-16-be"):
        staged.git("add", way)
        done = keyfuse("hook", "run")
        assert done.code == 1
        assert KEYS[way][-48:-38] in done.err
        staged.git("rm", "--quiet", "--cached", way)
