"""Other scanners find our keys with what we export; run where the peers' programs are installed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import regex

from keyfuse_rules.export import FORMATS, UnknownFormat, examples, export, plain_regex
from keyfuse_rules.keyformat import parse
from keyfuse_rules.prefixes import InvalidPrefix
from support.keys import make_key

PREFIX = "acme_live"


def test_examples_are_valid_keys_and_always_the_same() -> None:
    assert examples(PREFIX) == examples(PREFIX)
    assert all(parse(key) is not None for key in examples(PREFIX))
    assert len(set(examples(PREFIX))) == 3


def test_the_plain_expression_finds_every_key_of_the_type_and_no_other() -> None:
    pattern = regex.compile(plain_regex(PREFIX))
    assert pattern.fullmatch(make_key(PREFIX, 5).reveal())
    assert not pattern.search(make_key("acme_test", 5).reveal())


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_holds_the_same_expression(form: str) -> None:
    assert plain_regex(PREFIX) in export(PREFIX, form)


def test_the_partner_application_has_vectors_that_must_match_and_must_not() -> None:
    text = export(PREFIX, "github")
    found = regex.findall(plain_regex(PREFIX), text)
    assert [parse(key) is not None for key in found] == [True] * 3 + [False] * 3


def test_a_form_or_a_prefix_that_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownFormat, match="no export 'nope'; there are github, "):
        export(PREFIX, "nope")
    with pytest.raises(InvalidPrefix):
        export("ghp", "regex")


@pytest.fixture
def leaked(planted: Path) -> Path:
    folder = planted / "source"
    folder.mkdir()
    lines = [f"KEY_{seed}={make_key(PREFIX, seed).reveal()}\n" for seed in range(20)]
    (folder / "settings.env").write_text("".join(lines))
    return folder


def _run(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    subprocess.run([path, *arguments], check=True, capture_output=True, timeout=60)


def test_gitleaks_finds_all_keys(leaked: Path, planted: Path) -> None:
    config, report = planted / "gitleaks.toml", planted / "report.json"
    config.write_text(export(PREFIX, "gitleaks"))
    _run(
        "gitleaks", "dir", str(leaked), "-c", str(config), "-r", str(report), "-f", "json",
        "--exit-code", "0", "--no-banner",
    )  # fmt: skip
    assert len(json.loads(report.read_text())) == 20


def test_betterleaks_finds_all_keys(leaked: Path, planted: Path) -> None:
    config, report = planted / "betterleaks.toml", planted / "report.json"
    config.write_text(export(PREFIX, "betterleaks"))
    _run(
        "betterleaks", str(leaked), "-c", str(config), "-o", str(report), "--exit-code", "0",
        "--no-banner",
    )  # fmt: skip
    found = regex.findall(plain_regex(PREFIX), report.read_text())
    assert len(set(found)) == 20


def test_kingfisher_finds_all_keys(leaked: Path, planted: Path) -> None:
    rules, report = planted / "rules", planted / "report.json"
    rules.mkdir()
    (rules / "acme.yml").write_text(export(PREFIX, "kingfisher"))
    path = shutil.which("kingfisher")
    if path is None:
        pytest.skip("kingfisher is not installed")
    done = subprocess.run(
        [
            path, "scan", str(leaked), "--rules-path", str(rules), "--load-builtins=false",
            "--no-update-check", "--no-validate", "--no-dedup", "--format", "json",
            "--output", str(report),
        ],
        check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode in {0, 200}
    found = regex.findall(plain_regex(PREFIX), report.read_text())
    assert len(set(found)) == 20
