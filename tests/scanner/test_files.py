"""Files and folders of the work tree, and standard input."""

import io
import os
import socket
import sys

import pytest

from keyfuse_scanner.errors import NoSuchPath
from keyfuse_scanner.sources import files
from support.keys import make_key

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))
without_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything"
)


@pytest.fixture(autouse=True)
def here(planted, monkeypatch):
    monkeypatch.chdir(planted)
    return planted


def paths(result):
    return [finding.path for finding in result.findings]


def test_folders_are_scanned_all_the_way_down_ignored_files_too_and_git_not(here, scan):
    for name in ("a", "sub/deep/b", "sub/.hidden", ".git/config", "sub/.git/x"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(f"x\n{KEY}")
    (here / ".gitignore").write_text("a\n")
    result = scan("files", ["."])
    assert paths(result) == ["a", "sub/.hidden", "sub/deep/b"]
    assert {finding.place for finding in result.findings} == {"file"}
    assert (result.objects, result.complete) == (4, True)
    assert result.findings[0].occurrences == 1


def test_paths_are_shown_as_they_were_named(here, scan):
    (here / "sub").mkdir()
    (here / "sub/a").write_text(KEY)
    assert paths(scan("files", ["sub"])) == ["sub/a"]
    assert paths(scan("files", ["./sub//a"])) == ["sub/a"]
    assert paths(scan("files", [str(here)])) == [f"{here}/sub/a"]


def test_overlapping_paths_give_one_finding(here, scan):
    (here / "a").write_text(KEY)
    result = scan("files", [".", "a"])
    assert paths(result) == ["a"]
    assert result.findings[0].occurrences == 1


def test_the_first_of_several_places_in_a_file_is_shown(here, scan):
    (here / "a").write_text(f"\n{KEY}\n{KEY}\n")
    (finding,) = scan("files", ["a"]).findings
    assert (finding.line, finding.occurrences) == (2, 1)


def test_a_named_path_that_is_not_there_is_an_error_before_anything_is_read(scan):
    with pytest.raises(NoSuchPath, match="nosuch"):
        scan("files", [".", "nosuch"])


def test_links_are_not_followed_but_looked_into(here, tmp_path, scan):
    outside = tmp_path / "planted-outside"
    outside.mkdir()
    (outside / "secret").write_text(KEY)
    (here / "folder").symlink_to(outside)
    (here / "file").symlink_to(outside / "secret")
    (here / "loop").symlink_to(".")
    (here / "text").symlink_to(OTHER)
    assert paths(scan("files", ["."])) == ["text"]


def test_a_link_that_is_named_is_followed(here, tmp_path, scan):
    outside = tmp_path / "planted-outside"
    outside.mkdir()
    (outside / "secret").write_text(KEY)
    (here / "folder").symlink_to(outside)
    assert paths(scan("files", ["folder"])) == ["folder/secret"]


def test_pipes_and_sockets_met_on_the_way_are_left_out(here, scan):
    os.mkfifo(here / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        result = scan("files", ["."])
    assert (result.findings, result.complete) == ([], True)


def test_a_file_that_became_a_pipe_or_a_link_is_not_waited_for(here):
    os.mkfifo(here / "pipe")
    flags = os.O_RDONLY | files._NO_FOLLOW | files._NO_WAIT
    assert list(files._file("pipe", None, flags=flags)) == []
    (here / "link").symlink_to("pipe")
    (entry,) = files._file("link", None, flags=flags)
    assert entry.path == b"link"


def test_a_vanished_file_and_folder_are_errors(here):
    (entry,) = files._file("gone", None, flags=os.O_RDONLY)
    assert entry.reason == "no such file or directory"
    (entry,) = files._folder("gone", None)
    assert entry.reason == "no such file or directory"


def test_an_entry_that_cannot_be_looked_at_is_an_error():
    class Entry:
        path = "odd"

        def is_symlink(self):
            raise OSError(5, "Input/output error")

    (entry,) = files._entry(Entry(), None)
    assert entry.reason == "input/output error"


def test_a_file_that_breaks_off_is_an_error():
    class Breaking(io.RawIOBase):
        def read(self, _size=-1):
            raise OSError(5, "Input/output error")

    (entry,) = files._pieces("odd", Breaking())
    assert (entry.path, entry.reason) == (b"odd", "input/output error")


def test_reading_memory_that_cannot_be_read_makes_the_scan_incomplete(scan):
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    result = scan("files", ["/proc/self/mem"])
    assert [error.path for error in result.errors] == ["/proc/self/mem"]


@without_root
def test_an_unreadable_file_and_folder_are_errors(here, scan):
    (here / "file").write_text("x")
    (here / "file").chmod(0)
    (here / "folder").mkdir(0o000)
    result = scan("files", ["."])
    assert [error.path for error in result.errors] == ["file", "folder"]


def test_a_file_over_the_limit_is_an_error(here, scan):
    (here / "a").write_text("x" * 10)
    assert scan("files", ["."], max_size=10).complete
    (error,) = scan("files", ["."], max_size=9).errors
    assert (error.path, error.message) == ("a", "10 bytes, over the limit")


def test_a_key_in_the_name_of_a_folder_is_reported_once(here, scan):
    (here / KEY / "x").mkdir(parents=True)
    (here / KEY / "x" / "y").write_text("")
    (finding,) = scan("files", ["."]).findings
    assert (finding.place, finding.path) == ("file-name", finding.redacted)


def test_a_key_in_name_and_content_is_one_finding_at_its_content(here, scan):
    (here / KEY).write_text(f"\n{KEY}")
    (finding,) = scan("files", ["."]).findings
    assert (finding.place, finding.line) == ("file", 2)


def test_names_of_any_bytes(here, scan):
    (here / os.fsdecode(b"caf\xe9%41")).write_text(KEY)
    assert paths(scan("files", ["."])) == ["caf%E9%41"]


def test_columns_count_code_points_of_the_raw_line(here, scan):
    (here / "a").write_bytes("é😀\t".encode() + b"\xff" + KEY.encode())
    (finding,) = scan("files", ["."]).findings
    assert (finding.line, finding.column) == (1, 5)


def test_standard_input_has_no_path(scan):
    (finding,) = scan("stdin", io.BytesIO(b"x\n\n " + KEY.encode())).findings
    assert (finding.place, finding.path, finding.line, finding.column) == ("stdin", None, 3, 2)


def test_a_large_file_is_read_in_pieces(here, scan, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 50_000)
    (here / "a").write_bytes(b"x" * 49_990 + KEY.encode() + b"\n" * 100_000 + OTHER.encode())
    first, second = scan("files", ["a"]).findings
    assert (first.line, first.column) == (1, 49_991)
    assert (second.line, second.column) == (100_001, 1)
