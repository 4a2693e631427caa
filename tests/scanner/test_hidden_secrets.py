"""What is encoded or packed is found by every way to scan, with its place and its layers."""

import base64
import gzip
import json
from pathlib import Path

import pytest

from keyfuse_scanner.main import run
from support.hiding import tarred, zipped
from support.keys import break_checksum, make_key

KEY = make_key().reveal()


def _report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    code = run(["scan", "--format", "json", *arguments])
    report: dict[str, object] = json.loads(capsys.readouterr().out)
    return {"code": code, **report}


LINE = f"token = '{KEY}'\n".encode()
HIDDEN = {
    "base64": (b"a: b\n  c: " + base64.b64encode(LINE) + b"\n", ["base64"], 2, 6),
    "utf-16": (("one\n" + LINE.decode()).encode("utf-16-le"), ["utf-16"], 2, 10),
    "joined": (
        b"x\ny = '" + KEY[:20].encode() + b"' + '" + KEY[20:].encode() + b"'",
        ["joined"],
        2,
        6,
    ),
    "zip": (zipped(LINE), ["zip"], None, None),
    "tar": (tarred(LINE), ["tar"], None, None),
    "tar.gz": (gzip.compress(tarred(LINE)), ["gzip", "tar"], None, None),
    "zip in zip": (zipped(zipped(LINE)), ["zip", "zip"], None, None),
    "base64 in zip": (zipped(base64.b64encode(LINE)), ["zip", "base64"], None, None),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_hidden_key_is_found_with_its_place_and_its_layers(
    kind: str, planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, decoded, line, column = HIDDEN[kind]
    (planted / "file").write_bytes(content)
    report = _report(capsys, str(planted / "file"))
    (finding,) = report["findings"]  # type: ignore[misc]
    assert report["code"] == 1
    assert finding["decoded"] == decoded
    assert (finding["line"], finding["column"]) == (line, column)
    assert finding["checksum"] == "valid"
    assert finding["key_id"] == KEY[13:23]


def test_the_fingerprint_of_a_secret_is_the_same_however_it_was_hidden(
    planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (planted / "plain").write_bytes(LINE)
    for kind, (content, *_) in HIDDEN.items():
        (planted / kind).write_bytes(content)
    findings = _report(capsys, str(planted))["findings"]
    assert len(findings) == 1 + len(HIDDEN)  # type: ignore[arg-type]
    assert len({finding["fingerprint"] for finding in findings}) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["base64", "utf-16", "zip", "tar.gz"])
def test_without_decoding_nothing_is_looked_into(
    kind: str, planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (planted / "file").write_bytes(HIDDEN[kind][0])
    report = _report(capsys, "--no-decode", str(planted / "file"))
    assert (report["findings"], report["code"]) == ([], 0)


def test_decoys_in_archives_are_silent(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (planted / "file").write_bytes(zipped(break_checksum(KEY).encode()))
    report = _report(capsys, str(planted / "file"))
    assert (report["findings"], report["code"]) == ([], 0)


def test_a_bomb_is_said_and_makes_the_scan_incomplete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(50 << 20)))
    report = _report(capsys, str(tmp_path))
    (error,) = report["errors"]  # type: ignore[misc]
    assert error["message"] == "archive: more comes out of it than is looked into"
    assert error["path"].endswith("bomb.gz")
    assert report["code"] == 3


def test_without_the_cache_nothing_is_kept(
    planted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (planted / "file").write_bytes(LINE)
    report = _report(capsys, "--no-cache", "--only", "keyfuse-key", str(planted / "file"))
    assert report["code"] == 1
    assert not (tmp_path / "cache").exists()


def test_a_run_of_base64_over_the_seam_of_two_windows_is_found(
    planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = b"." * (4 * 1024 * 1024 - 500)
    run_ = base64.b64encode(b"~" * 600 + LINE + b"~" * 600)
    (planted / "file").write_bytes(before + b"\n" + run_ + b"\n" + before)
    (finding,) = _report(capsys, str(planted / "file"))["findings"]  # type: ignore[misc]
    assert (finding["decoded"], finding["line"]) == (["base64"], 2)
