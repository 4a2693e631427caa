"""The demo is the product in one command: it must tell the whole story, and leak nothing."""

import json
import subprocess
import sys
from pathlib import Path

from support.hunt import files_with_keys, holds_key

DEMO = [sys.executable, "-m", "keyfuse_scanner", "demo"]


def _play(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*DEMO, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_the_story_is_told_in_order_and_everything_is_left_to_look_at(planted: Path) -> None:
    stage = planted / "stage"
    played = _play("--json", "--keep", str(stage))
    assert played.returncode == 0, played.stderr
    assert [json.loads(line)["title"] for line in played.stdout.splitlines()] == [
        "stage set",
        "key issued",
        "verify",
        "commit blocked",
        "commit forced",
        "found in the history",
        "alert sent",
        "key dead",
        "verify",
        "owner told",
        "alert replayed",
        "over",
    ]
    assert not holds_key((played.stdout + played.stderr).encode())
    assert {entry.name for entry in stage.iterdir()} >= {
        "repository",
        "mail",
        "keyfuse",
        "service.log",
    }
    # The leak itself is the only place where the key stands.
    assert {path.parent.name for path in files_with_keys(stage)} == {"repository"}


def test_without_keep_nothing_is_left(tmp_path: Path) -> None:
    played = subprocess.run(
        DEMO,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=_with_temporary(tmp_path),
    )
    assert played.returncode == 0, played.stderr
    assert "from alert to dead key" in played.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    played = _play("--keep", str(tmp_path))
    assert played.returncode == 2
    assert "not empty" in played.stderr
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def _with_temporary(folder: Path) -> dict[str, str]:
    import os

    return {**os.environ, "TMPDIR": str(folder)}
