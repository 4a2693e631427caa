"""The cache of mirrors: bounded, safe to share, and nothing in it matters."""

import os
import subprocess
import threading

import pytest

from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.mirrors import Mirrors

ONE, TWO, THREE = (RepositoryName("acme", name) for name in ("one", "two", "three"))


def fill(mirrors, name, size, when):
    with mirrors.mirror(name) as path:
        (path / "filler").write_bytes(b"x" * size)
    os.utime(path, (when, when))
    return path


def test_a_mirror_is_a_bare_repository_that_stays(tmp_path):
    mirrors = Mirrors(tmp_path / "mirrors")
    with mirrors.mirror(ONE) as path:
        (path / "kept").touch()
        bare = subprocess.run(["git", "rev-parse", "--is-bare-repository"], cwd=path,
                              capture_output=True, check=True).stdout  # fmt: skip
    with mirrors.mirror(RepositoryName("ACME", "One")) as again:
        assert again == path
        assert (path / "kept").exists()
    assert bare == b"true\n"
    assert (tmp_path / "mirrors").stat().st_mode & 0o777 == 0o700


def test_what_was_used_longest_ago_goes_first(tmp_path):
    mirrors = Mirrors(tmp_path, largest=1_000_000)
    paths = [fill(mirrors, name, 400_000, when) for name, when in ((ONE, 2e9), (TWO, 1e9))]
    third = fill(mirrors, THREE, 400_000, 3e9)
    mirrors.shrink()
    assert [path.exists() for path in (*paths, third)] == [True, False, True]


def test_a_mirror_in_use_is_not_taken_away(tmp_path):
    mirrors = Mirrors(tmp_path, largest=0)
    with mirrors.mirror(ONE) as path:
        mirrors.shrink()
        assert path.exists()
    assert not path.exists()


def test_a_mirror_is_held_by_one_worker_at_a_time(tmp_path):
    mirrors, begun = Mirrors(tmp_path), threading.Event()

    def other():
        begun.set()
        with mirrors.mirror(ONE) as path:
            (path / "second").touch()

    thread = threading.Thread(target=other)
    with mirrors.mirror(ONE) as path:
        thread.start()
        assert begun.wait(10)
        thread.join(0.3)
        assert not (path / "second").exists()
    thread.join(10)
    assert (path / "second").exists()


def test_a_mirror_with_too_many_packs_is_made_anew(tmp_path):
    mirrors = Mirrors(tmp_path)
    with mirrors.mirror(ONE) as path:
        for number in range(201):
            (path / "objects" / "pack" / f"pack-{number}.pack").touch()
    with mirrors.mirror(ONE) as path:
        assert list((path / "objects" / "pack").glob("*.pack")) == []


@pytest.mark.parametrize("left", ["new", "half"])
def test_what_a_killed_process_left_is_no_obstacle(tmp_path, left):
    mirrors = Mirrors(tmp_path)
    with mirrors.mirror(ONE) as path:
        pass
    (path.with_suffix(".new") if left == "new" else path / "objects" / "x").mkdir()
    if left == "half":
        (path / "HEAD").unlink()
    with mirrors.mirror(ONE) as path:
        assert (path / "HEAD").exists()


def test_readers_share_a_mirror_that_the_first_has_refreshed(tmp_path):
    mirrors, refreshed = Mirrors(tmp_path, largest=0), []
    reading = mirrors.reading(ONE, refreshed.append)
    with reading as path, mirrors.reading(ONE, refreshed.append) as same:
        mirrors.shrink()
        assert same == path
        assert path.exists(), "what is read is not thrown away"
    assert refreshed == [path]
    with mirrors.reading(ONE, refreshed.append):
        assert refreshed == [path, path]


def test_a_refresh_that_failed_is_no_refresh(tmp_path):
    mirrors = Mirrors(tmp_path)
    with mirrors.reading(ONE, lambda _: None):
        pass

    def fail(_):
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"), mirrors.reading(ONE, fail):
        raise AssertionError("nothing is read")
    called = []
    with mirrors.reading(ONE, called.append):
        assert called


def test_a_reader_waits_for_whoever_refreshes(tmp_path):
    mirrors = Mirrors(tmp_path)
    refreshing, go_on, seen = threading.Event(), threading.Event(), []

    def slowly(path):
        refreshing.set()
        assert go_on.wait(10)
        (path / "fetched").touch()

    def read():
        with mirrors.reading(ONE, lambda _: None) as path:
            seen.append((path / "fetched").exists())

    first = threading.Thread(target=lambda: mirrors.reading(ONE, slowly).__enter__())
    first.start()
    assert refreshing.wait(10)
    second = threading.Thread(target=read)
    second.start()
    second.join(0.1)
    assert seen == []
    go_on.set()
    second.join(10)
    first.join(10)
    assert seen == [True]
