"""Scanning the whole object store: the own reader and its processes find what git alone finds."""

import base64
import os
import pickle
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.pack import default_rules
from keyfuse_scanner.engine import load_matcher
from keyfuse_scanner.everything import examine_everything
from keyfuse_scanner.examine import examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Hit
from keyfuse_scanner.objects import read_objects
from keyfuse_scanner.objectstore import BLOB, TREE
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.sieve import Sieve
from keyfuse_scanner.storereading import GitObjects
from scanner.objectstore.stores import git
from scanner.objectstore.test_objectstore_equals_git import build
from support.keys import break_checksum, make_key

KEY = make_key(seed=1).reveal()
OWN = default_rules()[:1]
MATCHER = load_matcher(OWN, cache=False)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commits"), st.integers(1, 5), st.integers(0, 1 << 30)),
        st.tuples(st.just("keys"), st.integers(1, 5), st.integers(0, 1 << 30)),
        st.tuples(st.just("repack"), st.integers(0, 60), st.integers(0, 30)),
        st.tuples(st.just("pack the new"), st.booleans(), st.just(0)),
        st.tuples(st.just("unpack"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15, deadline=None)
@given(_STEPS, st.integers(0, 1 << 30))
def test_the_own_reader_leads_to_the_hits_of_git(
    steps: list[tuple[str, int, int]], seed: int
) -> None:
    with TemporaryDirectory() as folder:
        repository = build(Path(folder), [step for step in steps if step[0] != "keys"])
        git(repository, "fast-import", "--quiet", "--force", feed=planted(random.Random(seed)))
        git(repository, *random.Random(seed).choice((["repack", "-adfq"], ["status"])))
        assert hits_of_own(repository) == hits_of_git(repository) != []


def hits_of_own(repository: Path, **options: object) -> list[tuple[object, ...]]:
    scanning = Scanning(MATCHER, every=True, **options)  # type: ignore[arg-type]
    examined = examine_everything(scanning, Repository(str(repository)))
    assert examined.unscanned == []
    return ordered(examined.hits)


def hits_of_git(repository: Path) -> list[tuple[object, ...]]:
    where = Repository(str(repository))
    ids = [object_id.hex() for object_id in GitObjects(where).object_ids()]
    return ordered(examine(read_objects(where, ids), MATCHER, every=True).hits)


def ordered(hits: list[Hit]) -> list[tuple[object, ...]]:
    return sorted(
        (hit.object_id or "", hit.place, hit.line or 0, hit.column or 0, hit.decoded, hit.checksum)
        for hit in hits
    )


def planted(choose: random.Random) -> bytes:
    """Return a history with keys in contents, names, messages and people, and decoys."""
    out = bytearray()
    for number in range(1, choose.randrange(2, 12)):
        token = make_key(seed=choose.randrange(1 << 30)).reveal()
        token = choose.choice((token, break_checksum(token)))
        where = choose.choice(("content", "name", "message", "author", "base64"))
        texts = dict.fromkeys(("content", "name", "message", "author"), f"n{number}")
        if where == "base64":
            texts["content"] = base64.b64encode(f"token: {token}".encode()).decode()
        else:
            texts[where] = token
        message, content = texts["message"].encode(), f"{texts['content']}\n".encode() * 3
        out += b"commit refs/heads/planted\nmark :%d\n" % number
        out += b"committer %s <a@example.com> %d +0000\n" % (texts["author"].encode(), number)
        out += b"data %d\n%s\n" % (len(message), message)
        out += b"M 100644 inline d/%s\ndata %d\n%s\n" % (
            texts["name"].encode(),
            len(content),
            content,
        )
    # One that is certain to be there.
    out += b"reset refs/heads/sure\ncommit refs/heads/sure\ncommitter A <a@b> 1 +0000\n"
    return bytes(out + b"data %d\n%s\n" % (len(KEY), KEY.encode()))


@pytest.mark.parametrize("jobs", [1, 3])
def test_however_many_processes_the_hits_are_the_same(repo, monkeypatch, jobs):
    monkeypatch.setattr("keyfuse_scanner.objectstore.scanning.SMALL", 0)
    git(repo.path, "fast-import", "--quiet", feed=planted(random.Random(7)))
    assert hits_of_own(repo.path, jobs=jobs) == hits_of_git(repo.path)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("rules", [OWN, None])
def test_a_sieve_goes_to_processes_that_inherit_nothing(native, rules):
    load_matcher(rules, native=native)
    matcher = load_matcher(rules, native=native)  # as it comes from the cache
    sieve = pickle.loads(pickle.dumps(Sieve(matcher, every=False)))
    assert sieve.whole(BLOB, KEY.encode()) is True
    assert sieve.whole(BLOB, b"nothing") is None


def test_a_sieve_keeps_only_what_holds_something():
    sieve = Sieve(MATCHER, 100, every=False)
    decoy = break_checksum(KEY).encode()
    assert sieve.whole(BLOB, decoy) is None
    assert Sieve(MATCHER, every=True).whole(BLOB, decoy) is True
    assert sieve.whole(BLOB, b"x" * 101) is True
    assert sieve.whole(TREE, b"x" * 101) is None
    assert sieve.pieces(BLOB, iter([b"x" * 60, b"x" * 60])) is True
    assert sieve.pieces(BLOB, iter([b"x" * 50, KEY[:30].encode(), KEY[30:].encode()])) is True
    assert sieve.pieces(BLOB, iter([b"x" * 50])) is None
    assert sieve.whole(TREE, b"100644 %s\0%s" % (KEY.encode(), bytes(20))) is True
    assert sieve.whole(TREE, b"100644 name\0" + KEY.encode()[:20]) is None


@pytest.mark.parametrize("packed", [True, False])
def test_objects_that_the_environment_lends_are_seen_as_git_sees_them(
    repo, make_repo, keyfuse, monkeypatch, packed
):
    lender = make_repo("lender")
    lender.commit(a_txt=KEY)
    if packed:
        lender.git("gc", "--quiet")
    repo.commit(b_txt="nothing")
    objects = lender.path / ".git" / "objects"
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", f"{objects}{os.pathsep}")
    assert keyfuse("scan", "--history").code == 1
    assert keyfuse("scan", "--history").code == 1, "as it is remembered"
    named = keyfuse("scan", "--history", str(repo.path))
    assert (named.code, named.err) == (0, ""), "the environment is not about a repository named"
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(repo.path / "gone"))
    assert keyfuse("scan", "--history").code == 3


def test_the_command_takes_a_number_of_processes(repo, keyfuse):
    repo.commit(a_txt=KEY)
    assert keyfuse("scan", "--history", "--jobs", "2").code == 1
    assert keyfuse("scan", "--history", "--jobs", "0").code == 2


def test_a_wall_of_unread_objects_is_summed_up(repo, monkeypatch, scan):
    for number in range(103):
        repo.write(f"f/{number}", f"{number}" * 30)
    repo.git("add", "f")
    for line in repo.git("ls-files", "--stage").splitlines():
        path = repo.loose(line.split()[1])
        path.chmod(0o644)
        path.write_bytes(b"no object")
    monkeypatch.setattr("keyfuse_scanner.objects._DAMAGED_MAX", 3)
    errors = scan("history").errors
    assert len(errors) == 101
    assert errors[100].message == "3 more objects could not be read"
