"""The documents name only what exists, and the tables in them are those of the code."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from random import Random

import pytest

from keyfuse_rules.keyformat import parse
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.policy import SETTINGS
from keyfuse_store.cli.shell import SERVER_KEY
from keyfuse_store.keytypes import KeyType
from keyfuse_store.settings import Settings
from support.keys import make_key
from support.project import KEYFUSE, PACKAGES, ROOT, documents, fences, package_folder

LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
SOURCE = re.compile(r"(?:[a-z]+/)?(keyfuse_[a-z]+)/([\w/.-]*)")
OTHER_FILE = re.compile(r"(?:docs|tests|\.ci|\.github)/[\w/.-]+")

pages = pytest.mark.parametrize("page", documents(), ids=lambda path: str(path.relative_to(ROOT)))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code(page: Path) -> Iterator[str]:
    """Yield what a page sets in code: spans, and the lines of fenced and indented blocks."""
    yield from SPAN.findall(re.sub(r"^```.*?^```$", "", text(page), flags=re.MULTILINE | re.DOTALL))
    for block in fences(text(page), "[a-z]*"):
        yield from (line.split("  #")[0].strip() for line in block.splitlines())


@pages
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(text(page)) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pages
def test_every_file_named_exists(page: Path) -> None:
    missing = []
    for piece in code(page):
        if match := SOURCE.fullmatch(piece):
            if match[1] not in PACKAGES or not (package_folder(match[1]) / match[2]).exists():
                missing.append(piece)
        elif OTHER_FILE.fullmatch(piece) and not (ROOT / piece).exists():
            missing.append(piece)
    assert missing == []


@pages
def test_every_command_and_option_named_exists(page: Path) -> None:
    wrong = [piece for piece in code(page) if piece.startswith("keyfuse ") and unknown(piece)]
    assert wrong == []


def unknown(command: str) -> bool:
    """Tell whether a command line names a command or an option that its help does not."""
    words = command.split()[1:]
    path: tuple[str, ...] = ()
    while words and words[0] in commands(path):
        path += (words.pop(0),)
    at_a_group = bool(commands(path))
    names_no_command = at_a_group and bool(words) and not words[0].startswith("-")
    return names_no_command or any(option not in usage(path) for option in OPTION.findall(command))


def commands(path: tuple[str, ...]) -> set[str]:
    """Return the subcommands that the help of a command lists."""
    _, _, listing = usage(path).partition("\nCommands:\n")
    return set(re.findall(r"^  ([a-z][a-z-]*)", listing, re.MULTILINE))


@cache
def usage(path: tuple[str, ...]) -> str:
    done = subprocess.run(
        [KEYFUSE, *path, "--help"], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout


@pages
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for piece in code(page):
        if piece.startswith("make "):
            named = {word for word in piece.split()[1:] if word.isalpha()}
            assert named <= targets, piece


def test_the_table_of_exit_codes_is_the_one_in_force() -> None:
    rows = re.findall(r"^\| (\d+) \|", text(ROOT / "docs" / "exit-codes.md"), re.MULTILINE)
    assert [int(row) for row in rows] == sorted(Exit)


@pytest.mark.parametrize("seed", range(20))
def test_the_check_in_the_format_document_is_ours(seed: int) -> None:
    (source,) = fences(text(ROOT / "docs" / "key-format.md"), "python")
    names: dict[str, object] = {}
    exec(source, names)  # the document's own words
    check = names["looks_like_a_key"]
    assert callable(check)
    token = make_key(seed=seed).reveal()
    assert check(token)
    random = Random(seed)
    for _ in range(200):
        place, character = random.randrange(len(token)), chr(random.randrange(32, 127))
        other = token[:place] + character + token[place + random.randrange(2) :]
        assert check(other) == (parse(other) is not None), place
    assert not check(make_key("a" * 40, seed).reveal()[:-1])
    assert not check("b" + make_key("a" * 40, seed).reveal())


def test_the_pattern_in_the_format_document_finds_keys() -> None:
    (pattern,) = fences(text(ROOT / "docs" / "key-format.md"), "text")
    for prefix in ("a", "acme_live", "acme_pk_live", "a" * 40):
        assert re.fullmatch(pattern.strip(), make_key(prefix).reveal())


def settings() -> set[str]:
    """Return every environment variable that the settings loader reads."""
    names = {field.name for field in fields(Settings)} - {"key_types", "origins", "scopes"}
    return {f"KEYFUSE_{name.upper()}" for name in names} | {"KEYFUSE_CONFIG", SERVER_KEY}


@pages
def test_every_setting_named_exists(page: Path) -> None:
    named = set(re.findall(r"\bKEYFUSE_[A-Z_]+[A-Z]\b", text(page)))
    assert {
        name for name in named if name.removesuffix("_FILE") not in settings()
    } - settings() == set()


def test_every_setting_is_documented() -> None:
    page = text(ROOT / "docs" / "configuration.md")
    assert {name for name in settings() if f"`{name}`" not in page} == set()


def test_the_configuration_of_the_document_is_accepted(tmp_path: Path) -> None:
    (example,) = fences(text(ROOT / "docs" / "configuration.md"), "toml")
    (tmp_path / "keyfuse.toml").write_text(example)
    loaded = Settings.load(environ={}, config_file=tmp_path / "keyfuse.toml")
    assert loaded.key_type("acme_live").quarantine_scopes == ("invoices:read",)
    assert loaded.key_type("acme_pk_live").on_leak == "notify"


def test_every_field_of_a_key_type_is_documented() -> None:
    page = text(ROOT / "docs" / "configuration.md")
    assert [field.name for field in fields(KeyType) if f"| `{field.name}` |" not in page] == []


def test_every_setting_of_the_scan_policy_is_documented() -> None:
    page = text(ROOT / "docs" / "configuration.md")
    assert [name for name in SETTINGS if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_lives_in_it(package: str) -> None:
    folder = ROOT / package.removeprefix("keyfuse_")
    if not folder.exists():
        pytest.skip("the sources were taken away to test the installed wheel")
    assert (folder / "README.md").read_text().startswith(f"# {package}")
