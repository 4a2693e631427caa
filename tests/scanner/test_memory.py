"""A second scan of history pays only for what is new, and finds what a first one finds."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.pack import default_rules
from keyfuse_scanner import storereading
from keyfuse_scanner.engine import load_matcher, privatefolder
from keyfuse_scanner.everything import examine_everything
from keyfuse_scanner.git import Repository
from keyfuse_scanner.memory import Memory, recall, recall_pack, remember, remember_pack
from keyfuse_scanner.modes import scan_history
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.sieve import Sieve
from keyfuse_scanner.sources import missing
from scanner.objectstore.stores import git
from scanner.objectstore.test_objectstore_equals_git import build, unpack
from scanner.test_everything import planted
from support.keys import make_key

KEYS = [make_key(seed=seed).reveal() for seed in range(40, 46)]
MATCHER = load_matcher(default_rules()[:1], cache=False)
SCANNING = Scanning(MATCHER, rules_key=("own",), jobs=1)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def looked_into(monkeypatch):
    """Count the objects that are looked into."""
    seen = []

    class Counting(Sieve):
        def whole(self, kind, data, /):
            seen.append(data)
            return super().whole(kind, data)

    monkeypatch.setattr(storereading, "Sieve", Counting)
    return seen


def history(scanning=SCANNING):
    result = conclude(scan_history(scanning, Repository()), MATCHER)
    return [finding._replace(secret=None, rank=0) for finding in result.findings], result.errors


def test_a_second_scan_looks_into_nothing_and_finds_the_same(repo, looked_into):
    repo.commit(a_txt=KEYS[0])
    repo.commit(f"message {KEYS[1]}")
    repo.git("branch", KEYS[2])
    first = history()
    assert len(first[0]) == 3
    count = len(looked_into)
    assert history() == first
    assert len(looked_into) == count > 0


def test_only_what_is_new_is_looked_into(repo, looked_into):
    repo.commit(a_txt=KEYS[0])
    history()
    looked_into.clear()
    repo.commit(b_txt=KEYS[1])
    findings, errors = history()
    assert ([finding.path for finding in findings], errors) == (["a.txt", "b.txt"], [])
    assert len(looked_into) == 3  # a commit, a tree and a blob


@pytest.mark.parametrize("also_new", [False, True])
def test_packing_makes_nothing_new(repo, looked_into, also_new):
    repo.commit(a_txt=KEYS[0])
    repo.git("repack", "-dq")
    repo.commit(b_txt="x")
    first = history()
    if also_new:
        repo.commit(c_txt="new")
    looked_into.clear()
    repo.git("gc", "--quiet")
    assert history() == first
    assert len(looked_into) == (3 if also_new else 0)
    repo.git("repack", "-adfq")
    looked_into.clear()
    assert history() == first
    assert looked_into == []


def test_what_was_pruned_is_found_no_more(repo):
    repo.commit(a_txt="x")
    repo.git("hash-object", "-w", "--stdin", feed=KEYS[0].encode())
    assert [finding.place for finding in history()[0]] == ["unreachable"]
    repo.git("gc", "--quiet", "--prune=now")
    assert history() == ([], [])


def test_what_is_missing_is_said_each_time_until_it_is_there(repo, monkeypatch):
    repo.commit(a_txt="will be gone", b_txt=KEYS[0])
    gone = repo.loose(repo.git("rev-parse", "HEAD:a.txt"))
    content = gone.read_bytes()
    assert history()[1] == []
    gone.unlink()
    findings, errors = history()
    assert [error.message for error in errors] == ["missing object"]
    with monkeypatch.context() as patched:
        patched.setattr(missing.gitstreams, "beside", None)  # git need not be asked again
        assert history() == (findings, errors)
    gone.write_bytes(content)
    assert history() == (findings, [])


def test_a_lost_pack_is_noticed(repo):
    """Also by a scan that has no memory, though all that is left is one pack."""
    repo.commit(a_txt="x")
    repo.git("repack", "-adq")
    (first,) = (repo.path / ".git/objects/pack").glob("*.pack")
    repo.commit(b_txt="y")
    repo.git("repack", "-dq")
    for path in first.parent.glob(f"{first.stem}.*"):
        path.unlink()
    forgetful = SCANNING._replace(rules_key=None)
    assert examine_everything(forgetful, Repository()).unscanned != []


def test_git_is_asked_about_what_is_new_where_all_else_was_there_before(repo, monkeypatch):
    repo.commit(a_txt=KEYS[0])
    asked = []
    beside = missing.gitstreams.beside
    monkeypatch.setattr(
        missing.gitstreams,
        "beside",
        lambda *given, **more: asked.append(given) or beside(*given, **more),
    )
    history()
    repo.commit(a_txt="x")
    history(SCANNING._replace(rules_key=("other",)))
    history()
    assert ["--stdin" in given for given in asked] == [False, False, True]
    assert all("--objects" in given for given in asked)


def test_new_reflogs_and_indexes_are_asked_about(repo):
    repo.commit(a_txt="x")
    assert history() == ([], [])
    repo.stage("b.txt", "staged, then lost")
    repo.loose(repo.git("rev-parse", ":b.txt")).unlink()
    assert [error.message for error in history()[1]] == ["missing object"]


def test_other_rules_and_limits_have_a_memory_of_their_own(repo):
    repo.commit(a_txt=f"{KEYS[0]}\n")
    assert history(SCANNING._replace(max_size=10))[1] != []
    assert len(history()[0]) == 1
    assert history(SCANNING._replace(max_size=10))[1] != []


def test_damaged_objects_are_reported_each_time(repo):
    repo.commit(a_txt="x")
    path = repo.loose(repo.git("rev-parse", "HEAD:a.txt"))
    path.chmod(0o644)
    path.write_bytes(b"no object")
    first = history()
    assert first[1] != []
    assert history() == first


def test_an_index_that_is_damaged_after_a_scan_makes_the_next_one_incomplete(repo):
    repo.commit(a_txt=KEYS[0])
    history()
    repo.git("repack", "-adq")
    (index,) = (repo.path / ".git/objects/pack").glob("*.idx")
    index.chmod(0o644)
    index.write_bytes(b"no index" + index.read_bytes()[8:])
    forgetful = SCANNING._replace(rules_key=None)
    for scanning in (SCANNING, forgetful):
        assert examine_everything(scanning, Repository()).unscanned != []


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_memory_is_ignored_and_made_anew(repo, looked_into, damage):
    repo.commit(a_txt=KEYS[0])
    repo.git("gc", "--quiet")
    first = history()
    folder = Path(privatefolder.cache_folder())
    files = [*folder.glob("history-*"), *folder.glob("pack-*")]
    assert len(files) == 2
    for file in files:
        raw = bytearray(file.read_bytes())
        raw[-1] ^= 1
        file.write_bytes(bytes(raw) if damage is None else damage)
    looked_into.clear()
    repo.git("repack", "-adfq")
    assert history() == first
    assert len(looked_into) == 3
    looked_into.clear()
    assert history() == first
    assert looked_into == []


def test_the_command_remembers_unless_it_is_told_not_to(repo, keyfuse, looked_into):
    repo.commit(a_txt=KEYS[0])
    command = ("scan", "--history", "--only", "keyfuse-key", "--jobs", "1", "--json")
    unremembered = keyfuse(*command, "--no-cache")
    assert list(Path(privatefolder.cache_folder()).glob("history-*")) == []
    first, second = keyfuse(*command), keyfuse(*command)
    assert unremembered.out == first.out == second.out
    assert len(looked_into) == 6
    keyfuse(*command, "--no-cache")
    assert len(looked_into) == 9
    keyfuse(*command, "--all")
    assert len(looked_into) == 12


def test_what_was_kept_is_what_comes_back():
    key = (b"store", ("rules",), None, False)
    assert recall(key) == Memory()
    memory = Memory(frozenset((b"p" * 20,)), frozenset(), frozenset((b"f" * 20,)), 3, 4)
    remember(key, memory)
    assert recall(key) == memory
    assert recall((b"other", *key[1:])) == Memory()
    remember_pack(b"c" * 20, b"a" * 20 + b"b" * 20)
    table = recall_pack(b"c" * 20)
    assert table is not None
    assert (table.find(b"a" * 20), table.find(b"b" * 20), table.find(b"c" * 20)) == (0, 1, None)
    remember_pack(b"d" * 20, b"odd")
    assert recall_pack(b"d" * 20) is None


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keys"), st.integers(0, 1 << 20)),
        st.tuples(st.sampled_from(("repack", "pack", "gc", "unpack", "delete")), st.just(0)),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=12, deadline=None)
@given(_STEPS)
def test_with_and_without_memory_the_hits_are_the_same(steps):
    with TemporaryDirectory() as folder:
        repository = build(Path(folder), [("commits", 3, 5)])
        for what, seed in steps:
            if what == "keys":
                git(
                    repository,
                    "fast-import",
                    "--quiet",
                    "--force",
                    feed=planted(random.Random(seed)),
                )
            elif what == "repack":
                git(repository, "repack", "-adfq")
            elif what == "pack":
                git(repository, "repack", "-dq")
            elif what == "gc":
                git(repository, "gc", "--quiet", "--prune=now")
            elif what == "unpack":
                unpack(repository)
            else:
                git(repository, "update-ref", "-d", "refs/heads/planted")
            where = Repository(str(repository))
            with_memory = examine_everything(SCANNING, where)
            without = examine_everything(SCANNING._replace(rules_key=None), where)
            assert with_memory.hits == without.hits
            assert with_memory.unscanned == without.unscanned == []
