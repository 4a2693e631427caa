"""Files in the cache are read only where nobody else can have written them."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_scanner.engine import privatefolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "keyfuse")


def _write(folder: str, name: str = "a", content: bytes = b"content", keep: int = 5) -> bool:
    return privatefolder.write(folder, name, [content], keep=keep)


def _names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_what_is_written_is_read(folder: str) -> None:
    assert privatefolder.read(folder, "a") is None
    assert _write(folder)
    assert _write(folder, content=b"newer")
    assert privatefolder.read(folder, "a") == [b"newer"]
    assert _names(folder) == ["a"]


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_parts_come_back_as_they_were(parts: list[bytes]) -> None:
    with TemporaryDirectory() as place:
        folder = f"{place}/keyfuse"
        assert privatefolder.write(folder, "a", parts, keep=5)
        assert privatefolder.read(folder, "a") == (parts or None)


@pytest.mark.parametrize("raw", [b"", b"x" * 64, b"5".ljust(63) + b"\n1234", b"-1 1".ljust(64)])
def test_what_is_no_such_file_is_not_read(folder: str, raw: bytes) -> None:
    _write(folder)
    (Path(folder) / "a").write_bytes(raw)
    assert privatefolder.read(folder, "a") is None


def test_folder_and_file_are_private_whatever_the_umask(folder: str) -> None:
    before = os.umask(0)
    try:
        _write(folder)
    finally:
        os.umask(before)
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    assert (Path(folder) / "a").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_a_symbolic_link_is_not_read(folder: str, tmp_path: Path) -> None:
    _write(folder)
    _write(str(tmp_path / "other"), "b")
    (Path(folder) / "b").symlink_to(tmp_path / "other" / "b")
    assert privatefolder.read(folder, "b") is None


def test_a_folder_that_is_a_symbolic_link_is_neither_read_nor_written(
    folder: str, tmp_path: Path
) -> None:
    _write(folder)
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert privatefolder.read(str(link), "a") is None
    assert not _write(str(link))


def test_what_somebody_else_owns_is_not_read(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(folder)
    somebody = Path(folder).stat().st_uid + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody)
    assert privatefolder.read(folder, "a") is None
    assert not _write(folder)


def test_a_folder_that_was_open_to_others_is_emptied_before_it_is_used(folder: str) -> None:
    _write(folder, "planted")
    Path(folder).chmod(0o777)
    assert privatefolder.read(folder, "planted") is None
    assert _write(folder, "mine")
    assert _names(folder) == ["mine"]


@pytest.mark.parametrize("inside", ["work tree", "linked work tree", "bare repository"])
def test_within_a_repository_nothing_is_kept(folder: str, tmp_path: Path, inside: str) -> None:
    _write(folder)
    if inside == "work tree":
        (tmp_path / ".git").mkdir()
    elif inside == "linked work tree":
        (tmp_path / ".git").write_text("gitdir: elsewhere")
    else:
        (tmp_path / "HEAD").write_text("")
        (tmp_path / "objects").mkdir()
        (tmp_path / "refs").mkdir()
    assert privatefolder.read(folder, "a") is None
    assert not _write(folder)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(folder: str) -> None:
    _write(folder)
    os.mkfifo(Path(folder) / "pipe", 0o600)
    assert privatefolder.read(folder, "pipe") is None


def test_only_so_many_files_are_kept_the_newest(folder: str) -> None:
    for number in range(6):
        _write(folder, f"file-{number}", keep=3)
        os.utime(Path(folder) / f"file-{number}", ns=(number, number))
    assert _names(folder)[-1] == "file-5"
    assert len(_names(folder)) <= 3


def test_many_files_of_one_kind_drive_out_none_of_another(folder: str) -> None:
    _write(folder, "engine-1", keep=1)
    for number in range(5):
        _write(folder, f"policy-{number}", keep=2)
    assert _names(folder)[0] == "engine-1"
    assert len(_names(folder)) == 3


def test_a_disk_that_is_full_leaves_nothing_half_written(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(folder, content=b"whole")

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert not _write(folder, content=b"half")
    assert _names(folder) == ["a"]
    assert privatefolder.read(folder, "a") == [b"whole"]


def test_the_cache_is_where_the_system_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "/somewhere/else", "", "relative"):
        if value is None:
            monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", value)
        if value != "relative":  # the specification says to ignore it
            assert privatefolder.cache_folder() == platformdirs.user_cache_dir("keyfuse", False)
    assert privatefolder.cache_folder() == str(Path.home() / ".cache" / "keyfuse")
