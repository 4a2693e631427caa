"""What every test gets: an isolated home, a place to plant keys, and the hunt for leaked ones."""

import os
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from support.hunt import PLANTED, files_with_keys, holds_key, hunted

# How long an example takes says more about the machine than about the code.
settings.register_profile("keyfuse", deadline=None)
settings.load_profile("keyfuse")

_ISOLATED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "NO_COLOR": "1",
}


@pytest.fixture(autouse=True)
def isolated_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep every test away from the user's home, git configuration and keyfuse settings."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "KEYFUSE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    # Compiled rules are the same for all tests, and take a second to compile.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name, value in _ISOLATED.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Return a folder in which plaintext keys may stand; the hunt leaves it out."""
    folder = tmp_path / PLANTED
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def hunted_answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test to which any HTTP answer brings a key, unless showing it is its point."""
    if request.node.get_closest_marker("shows_key") is not None:
        return
    read, aread = httpx.Response.read, httpx.Response.aread

    def through_the_hunt(response: httpx.Response, content: bytes) -> bytes:
        hunted(b"\n".join(value for _, value in response.headers.raw), content)
        return content

    async def hunted_aread(response: httpx.Response) -> bytes:
        return through_the_hunt(response, await aread(response))

    monkeypatch.setattr(httpx.Response, "read", lambda self: through_the_hunt(self, read(self)))
    monkeypatch.setattr(httpx.Response, "aread", hunted_aread)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose captured output or log holds a key, unless showing it is its point."""
    report = yield
    if item.get_closest_marker("shows_key") is None:
        for title, text in report.sections:
            if holds_key(text.encode()):
                report.outcome = "failed"
                report.longrepr = f"a plaintext key stands in {title}"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hunt through every file the run left behind."""
    if hasattr(session.config, "workerinput"):
        return  # the controller's folder holds those of the workers
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    leaked = files_with_keys(factory.getbasetemp())
    if leaked:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for path in leaked:
            print(f"\nplaintext key in {path}")
