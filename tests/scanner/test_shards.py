"""Shards of a repository: each object in one of them, all together what a whole scan finds."""

import random

import pytest

from keyfuse_rules.pack import default_rules
from keyfuse_scanner.engine import load_matcher
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.modes import scan_history
from keyfuse_scanner.scan import conclude, merge
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.storereading import Shard
from support.keys import make_key

MATCHER = load_matcher(default_rules()[:1], cache=False)


def scan(repo, shard: Shard | None = None) -> ScanResult:
    scanning = Scanning(MATCHER, jobs=1)
    return conclude(scan_history(scanning, Repository(str(repo.path)), shard=shard), MATCHER)


@pytest.fixture
def rich(repo):
    """Every kind of object with keys in it, some of them in many objects and at many paths."""
    chance = random.Random(7)
    keys = [make_key(seed=number).reveal() for number in range(5)]
    for number in range(12):
        key = chance.choice(keys)
        repo.commit(
            f"change {key}" if number % 3 == 0 else "change",
            when=1_700_000_000 - number,
            **{f"f{number % 3}_txt": f"{number}\n{key}\n{chance.choice(keys)}\n"},
        )
    repo.stage(f"{keys[0]}/x.txt", "named")
    repo.commit("a name")
    repo.git("tag", "-a", "-m", f"tagged {keys[1]}", "v1")
    repo.git("branch", f"b-{make_key(seed=99).reveal()}")
    repo.git("notes", "add", "-m", f"noted {keys[3]}")
    repo.git("hash-object", "-w", "--stdin", feed=keys[4].encode())
    return repo


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_all_shards_together_are_the_whole(rich, count):
    whole = scan(rich)
    shards = [scan(rich, Shard(number, count)) for number in range(count)]
    found: list[Finding] = merge(finding for shard in shards for finding in shard.findings)
    assert found == whole.findings
    assert {finding.place for finding in found} >= {
        "file", "commit-message", "tag-message", "ref-name", "note", "unreachable", "file-name",
    }  # fmt: skip
    assert sum(shard.objects for shard in shards) == whole.objects
    assert sum(shard.size for shard in shards) == whole.size
    assert whole.complete
    assert all(shard.complete for shard in shards)


def test_packed_objects_are_split_alike(rich):
    before = [scan(rich, Shard(number, 3)).findings for number in range(3)]
    rich.git("gc", "--quiet")
    assert [scan(rich, Shard(number, 3)).findings for number in range(3)] == before


def test_what_is_missing_is_said_once(rich):
    blob = rich.git("rev-parse", "HEAD:f0.txt")
    rich.loose(blob).unlink()
    said = [error for number in range(3) for error in scan(rich, Shard(number, 3)).errors]
    assert [error.object for error in said] == [blob]
