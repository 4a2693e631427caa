"""Tests against software we did not write: `make test-live`, never part of `make test`."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.gitrepo import GitRepo
from support.live import node
from support.project import ROOT

collect_ignore_glob = [] if os.environ.get("LIVE") else ["test_*.py"]

SIZES = {"light": (1200, 800), "dark": (1200, 800), "phone": (390, 844)}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

# Each test has a home of its own; installers find again here what they downloaded.
_PIP_CACHE = os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip")


@pytest.fixture(autouse=True)
def pip_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CACHE_DIR", _PIP_CACHE)


@pytest.fixture
def repo(planted: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """Return an empty repository; it is the current directory."""
    made = GitRepo(planted / "repo")
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    monkeypatch.chdir(made.path)
    return made


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this repository, as a repository with one commit."""
    folder = tmp_path_factory.mktemp("sources") / "keyfuse"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for arguments in (["init", "-q"], ["add", "-f", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)
    return folder


@pytest.fixture
def looks(tmp_path: Path) -> Callable[[Any, str, str], None]:
    """Look at a page in light and dark and on a phone, and leave pictures of it.

    axe-core finds nothing serious, and nothing is too wide.
    """
    axe = node("axe-core/axe.min.js").read_text("utf-8")
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))

    def look(page: Any, name: str, url: str) -> None:
        for size, (width, height) in SIZES.items():
            page.emulate_media(color_scheme="dark" if size == "dark" else "light")
            page.set_viewport_size({"width": width, "height": height})
            page.goto(url)
            page.evaluate(axe)
            found = page.evaluate("axe.run().then(({violations}) => violations)")
            bad = [
                (one["id"], [each["html"] for each in one["nodes"]])
                for one in found
                if one["impact"] in {"serious", "critical"}
            ]
            assert bad == [], (name, size)
            assert page.evaluate(OVERFLOW) <= 0, (name, size)
            page.screenshot(path=shots / f"{name}-{size}.png", full_page=True)

    return look
