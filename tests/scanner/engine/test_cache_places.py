"""Where compiled rules are kept on each system, and what an audit shows of what is gone."""

import os
import sys
from pathlib import Path

import pytest

from keyfuse_rules.model import Severity
from keyfuse_scanner.audit import context
from keyfuse_scanner.engine.privatefolder import cache_folder
from keyfuse_scanner.model import Finding


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/caches"}, ("/caches", "keyfuse")),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ("~", ".cache", "keyfuse")),
        ("darwin", {}, ("~", "Library", "Caches", "keyfuse")),
        ("win32", {"LOCALAPPDATA": "/local"}, ("/local", "keyfuse", "Cache")),
        ("win32", {"LOCALAPPDATA": ""}, ("~", "AppData", "Local", "keyfuse", "Cache")),
    ],
)
def test_each_system_has_its_place_for_caches(
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    environment: dict[str, str],
    expected: tuple[str, ...],
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    home = os.path.expanduser("~")  # noqa: PTH111 - as the code under test says it
    parts = [home if part == "~" else part for part in expected]
    assert cache_folder() == os.path.join(*parts)  # noqa: PTH118


def test_nothing_is_shown_around_a_finding_whose_file_is_gone(tmp_path: Path) -> None:
    finding = Finding(
        **dict.fromkeys(Finding._fields)
        | {"severity": Severity.HIGH, "path": str(tmp_path / "gone"), "line": 1}
    )
    assert list(context(finding, tmp_path, bytes.decode)) == []
