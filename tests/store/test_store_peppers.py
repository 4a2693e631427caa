"""Peppers: where they come from, and how a wrong or lost one is noticed."""

import base64
import re
import threading
from pathlib import Path

import pytest

from keyfuse_store import KeyStore, peppers
from keyfuse_store.errors import PepperError
from keyfuse_store.peppers import PepperRing, parse_peppers
from keyfuse_store.settings import Settings

ONE, TWO = b"1" * 32, b"2" * 32


def encoded(version: int, pepper: bytes) -> str:
    return f"{version}:{base64.b64encode(pepper).decode()}"


def test_the_highest_version_is_current() -> None:
    ring = parse_peppers(f"{encoded(2, TWO)},{encoded(1, ONE)}", "here")
    assert (ring.versions, ring.current) == ((1, 2), 2)
    assert ring.get(1) == ONE
    assert ring.get(3) is None


def test_a_ring_shows_no_pepper() -> None:
    assert repr(PepperRing({1: ONE})) == "PepperRing(versions=(1,))"


def test_lines_and_comments() -> None:
    text = f"# the peppers\n{encoded(1, ONE)}\n\n{encoded(2, TWO)}\n"
    assert parse_peppers(text, "here").versions == (1, 2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one"),
        ("1", "1 is not base64|fewer than 32|VERSION:BASE64"),
        ("x:abc", "VERSION:BASE64"),
        ("²:abc", "VERSION:BASE64"),
        ("0:" + "A" * 44, "must be 1 or more"),
        ("1:###hidden", "is not base64"),
        ("1:" + base64.b64encode(b"short").decode(), "fewer than 32 bytes"),
        (f"{encoded(1, ONE)},{encoded(1, TWO)}", "given twice"),
    ],
)
def test_malformed_peppers_are_not_repeated(text: str, problem: str) -> None:
    with pytest.raises(PepperError, match=rf"^here: .*({problem})") as error:
        parse_peppers(text, "here")
    assert "hidden" not in str(error.value)


def test_an_embedded_database_gets_a_pepper_that_only_its_owner_can_read(tmp_path: Path) -> None:
    settings = Settings.load({"KEYFUSE_HOME": str(tmp_path)})
    with KeyStore.open(settings=settings) as store:
        issued = store.issue(prefix="acme_live", owner="a@example.com")
    assert (tmp_path / "peppers").stat().st_mode & 0o777 == 0o600
    assert re.search(r"^1:[A-Za-z0-9+/]{43}=$", (tmp_path / "peppers").read_text(), re.MULTILINE)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["keyfuse.db", "keyfuse.db-usage", "peppers"]
    with KeyStore.open(settings=settings) as store:
        assert store.verify(issued.token).ok


def test_a_lost_pepper_file_is_never_replaced(tmp_path: Path) -> None:
    settings = Settings.load({"KEYFUSE_HOME": str(tmp_path)})
    KeyStore.open(settings=settings).close()
    (tmp_path / "peppers").unlink()
    with pytest.raises(PepperError, match=r"are gone: .*peppers is missing"):
        KeyStore.open(settings=settings)
    assert not (tmp_path / "peppers").exists()


def test_a_wrong_pepper_is_refused(settings: Settings) -> None:
    with pytest.raises(PepperError, match="version 1 is not the pepper"):
        KeyStore.open(settings=settings, peppers={1: ONE})


@pytest.mark.parametrize("how", ["text", "ring", "environment", "file"])
def test_peppers_may_come_from(how: str, home: Path, tmp_path: Path) -> None:
    pepper = encoded(1, b"p" * 32)
    (tmp_path / "pepper.txt").write_text(pepper)
    environ = {
        "environment": {"KEYFUSE_PEPPERS": pepper},
        "file": {"KEYFUSE_PEPPER_FILE": str(tmp_path / "pepper.txt")},
    }.get(how, {})
    argument = {"text": pepper, "ring": PepperRing({1: b"p" * 32})}.get(how)
    settings = Settings.load({"KEYFUSE_HOME": str(home), **environ})
    with KeyStore.open(settings=settings, peppers=argument) as store:
        assert store.peppers.versions == (1,)
    assert not (home / "peppers").exists()


def test_pepper_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PepperError, match="cannot be read: No such file"):
        peppers.read_file(tmp_path / "none")
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    with pytest.raises(PepperError, match="is not text"):
        peppers.read_file(tmp_path / "odd")
    (tmp_path / "file").write_text("")
    with pytest.raises(PepperError, match="cannot be made"):
        peppers.create_file(tmp_path / "file" / "peppers")


def test_whoever_comes_first_makes_the_pepper(tmp_path: Path) -> None:
    rings: list[PepperRing] = []
    threads = [
        threading.Thread(target=lambda: rings.append(peppers.create_file(tmp_path / "peppers")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ring.get(1) for ring in rings}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["peppers"]


def test_a_version_that_is_not_at_hand_derives_nothing() -> None:
    with pytest.raises(PepperError, match="version 2 is not at hand"):
        PepperRing({1: ONE}).derive(2, b"x")


def test_postgresql_without_peppers_refuses_to_start(home: Path, settings: Settings) -> None:
    from keyfuse_store.database import open_database
    from keyfuse_store.opening import _ring

    server = open_database("postgresql://127.0.0.1:1/keys")
    with pytest.raises(PepperError, match="PostgreSQL needs"):
        _ring(server, settings, None, False, bytes)
    server.close()
