"""A first look at the index says clean only where the whole way would, and is cheap."""

import gzip
import os
import subprocess
import sys

import pytest

from keyfuse_scanner import git, spawning
from keyfuse_scanner.engine import load_engine
from keyfuse_scanner.glance import glance
from support.keys import break_checksum, make_key

pytestmark = pytest.mark.skipif(not spawning.CAN_SPAWN, reason="this system starts no such process")

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))


@pytest.fixture
def warm(repo):
    """Return a repository with a commit and with rules that are compiled already."""
    repo.commit(a_txt="x\n")
    load_engine()
    return repo


def test_nothing_staged_and_something_harmless_are_clean(warm):
    assert glance().is_clean
    warm.stage("a.txt", "y\n")
    warm.stage("sub/b", b"\0\xff")
    seen = glance()
    assert seen.is_clean
    assert seen.staged.added == [b"sub/b"]
    assert (seen.objects, seen.size) == (2, 2 + 2 + len("sub/b"))


@pytest.mark.parametrize(
    "hide",
    [
        str.encode,
        lambda key: key.encode("utf-16-le"),
        lambda key: key.encode().hex().encode(),
        lambda key: gzip.compress(key.encode()),
        lambda key: break_checksum(key).encode(),
    ],
)
def test_what_holds_anything_is_looked_at_again(warm, hide):
    warm.stage("a.txt", hide(KEY))
    seen = glance()
    assert not seen.is_clean
    assert set(seen.staged.contents.values()) == {hide(KEY), b"x\n"}


def test_a_key_in_a_name_is_not_clean(warm):
    warm.stage(f"dump-{KEY}", "nothing")
    assert not glance().is_clean


def test_what_was_read_is_not_read_again(warm, keyfuse, monkeypatch):
    warm.commit(a_txt=f"{OTHER}\n")
    warm.stage("a.txt", f"{OTHER}\n{KEY}\n")
    monkeypatch.setattr(git, "start", lambda *_, **__: pytest.fail("git was started again"))
    for arguments in (["hook", "run"], ["scan", "--staged"]):
        done = keyfuse(*arguments)
        assert done.code == 1
        assert OTHER[-48:-38] not in done.out + done.err


@pytest.mark.parametrize(
    "policy",
    ['disabled = ["npm-access-token"]', 'rule_set = "generic"', 'rule_files = ["rules.toml"]'],
)
def test_a_policy_is_known_from_the_second_time_on(warm, keyfuse, policy):
    warm.stage("a.txt", "y\n")
    warm.write("rules.toml", "disabled = []\n")
    warm.write("keyfuse.toml", policy + '\nignores = ["first-look/"]\nfail_on = "high"\n')
    assert glance() is None
    assert keyfuse("hook", "run").code == 0
    assert glance().is_clean
    warm.write("rules.toml", 'disabled = ["json-web-token"]\n')
    assert (glance() is None) == ("rules.toml" in policy)
    warm.write("keyfuse.toml", policy + "\n# for a first look\n")
    assert glance() is None


def test_a_policy_in_pyproject_or_none_in_it(warm, keyfuse):
    # What a file said is kept for all tests: no other one has these bytes.
    warm.write("pyproject.toml", "# keyfuse is mentioned, for a first look\n")
    assert glance() is None
    assert keyfuse("hook", "run").code == 0
    assert glance().is_clean
    warm.write("pyproject.toml", "[tool.keyfuse]\nmax_file_size = 3\n")
    assert keyfuse("hook", "run").code == 0
    warm.stage("a.txt", "four")
    assert glance() is None
    assert keyfuse("hook", "run").code == 3


def test_a_rule_that_is_asked_everywhere_leaves_nothing_clean(warm, keyfuse):
    warm.write(
        "keyfuse.toml",
        '[[rules]]\nid = "x"\ntitle = "X"\nseverity = "high"\npattern = "acme[0-9]{9}"\n'
        "keywords = []\n",
    )
    warm.stage("a.txt", "acme483920175")
    for _ in range(2):
        assert keyfuse("hook", "run").code == 1
    assert not glance().is_clean


def test_what_is_out_of_the_ordinary_goes_the_whole_way(warm, make_repo, monkeypatch, planted):
    warm.stage("big", b"x" * 1_048_577)
    assert glance() is None
    warm.git("rm", "--quiet", "--cached", "big")
    warm.stage("gone", "gone")
    warm.loose(warm.git("rev-parse", ":gone")).unlink()
    assert glance() is None
    monkeypatch.chdir(make_repo("new").path)
    assert glance() is None
    monkeypatch.chdir(planted)
    assert glance() is None


def test_files_in_conflict_go_the_whole_way(warm):
    warm.git("checkout", "--quiet", "-b", "side")
    warm.commit(a_txt="theirs\n")
    warm.git("checkout", "--quiet", "main")
    warm.commit(a_txt="ours\n")
    warm.git("merge", "side", check=False)
    assert glance() is None


def test_a_merge_in_progress_is_seen(warm, keyfuse):
    warm.git("checkout", "--quiet", "-b", "side")
    warm.commit(b_txt=f"{KEY}\n")
    warm.git("checkout", "--quiet", "main")
    warm.git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    assert glance().staged.merging
    assert keyfuse("hook", "run").code == 0


def test_more_files_than_are_asked_for_at_once(warm):
    for number in range(700):
        warm.write(f"f/{number}", f"content {number}\n" * 20)
    warm.git("add", "f")
    assert glance().objects == 700
    warm.stage("f/650", KEY)
    assert not glance().is_clean


def test_an_old_side_that_is_too_large_or_gone_is_read_by_the_whole_way(warm, keyfuse):
    warm.stage("big", f"{OTHER}\n" + "x" * 1_048_577)
    warm.git("commit", "--quiet", "-m", "x")
    warm.stage("big", f"{OTHER}\n{KEY}\n")
    done = keyfuse("hook", "run")
    assert done.code == 1
    assert OTHER[-48:-38] not in done.err


def test_a_process_that_has_gone_and_a_program_that_is_not_there(planted):
    process = spawning.spawn(["git", "--version"], os.environ)
    assert process.stdout.read().startswith(b"git version")
    assert process.succeeds()
    with pytest.raises(OSError, match="pipe"):
        process.tell(b"x")
    process.stop()
    with pytest.raises(FileNotFoundError):
        spawning.spawn([str(planted / "nosuch")], os.environ)


def test_without_git_the_hook_says_so(warm, keyfuse, monkeypatch, planted):
    monkeypatch.setenv("PATH", str(planted))
    done = keyfuse("hook", "run")
    assert done.code == 2
    assert "git is not on the search path" in done.err


HEAVY = {
    *("click", "dataclasses", "importlib.metadata", "importlib.resources", "json", "pathlib"),
    *("regex", "subprocess", "threading", "tomllib", "keyfuse_rules.pack", "hashlib"),
}


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nothing", ""),
        (".keyfuseignore", "# nobody\n"),
        (".keyfuseignore", "no fingerprint\n"),
        (".keyfuse-baseline", "no baseline\n"),
        ("lists/known", "no fingerprint\n"),
    ],
)
@pytest.mark.parametrize("policy", ["", 'ignore_file = "lists/known"\n'])
@pytest.mark.parametrize("here", [".", "sub"])
def test_all_clear_is_said_as_the_whole_way_says_it(
    warm, keyfuse, monkeypatch, options, path, text, policy, here
):
    warm.stage("a.txt", "harmless\n")
    warm.write(path, text)
    warm.write("keyfuse.toml", policy)
    (warm.path / "sub").mkdir()
    monkeypatch.chdir(warm.path / here)
    keyfuse("scan", "--staged")  # after which the policy is known
    first = keyfuse("scan", "--staged", *options)
    with monkeypatch.context() as patch:
        patch.setattr("keyfuse_scanner.glance.glance", lambda **_: None)
        assert keyfuse("scan", "--staged", *options) == first


@pytest.mark.parametrize("command", [["hook", "run"], ["scan", "--staged"]])
@pytest.mark.parametrize("finds", [False, True])
def test_neither_way_loads_what_a_commit_would_wait_for(warm, command, finds):
    warm.stage("a.txt", f"key = '{KEY}'" if finds else "harmless")
    script = f"""if True:
        import sys
        from keyfuse_scanner.main import run
        code = run({command})
        print(code, *sys.modules, file=sys.stderr)
    """
    # Measuring coverage imports most of these itself.
    environ = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, env=environ
    )
    code, *loaded = done.stderr.decode().splitlines()[-1].split()
    assert int(code) == finds
    assert HEAVY.isdisjoint(loaded)
    for module in ("keyfuse_scanner.modes", "keyfuse_scanner.model", "keyfuse_rules.matching"):
        assert (module in loaded) == finds
