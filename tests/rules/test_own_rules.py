"""Users' own rules: files and folders on top of ours."""

from pathlib import Path

import pytest

from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Severity
from keyfuse_rules.pack import default_rules, load
from keyfuse_rules.rulefile import InvalidRule
from keyfuse_rules.rulewriter import write

NEW = """
provider = "Acme"
[[rules]]
id = "acme-token"
title = "Acme token"
severity = "high"
literals = ["acme-"]
pattern = "acme-[0-9a-f]{20}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_new_rule_joins_ours(folder: Path) -> None:
    (folder / "acme.toml").write_text(NEW)
    rules = load([folder], default_rules())
    assert len(rules) == len(default_rules()) + 1
    assert rules[-1].provider == "Acme"
    assert Matcher(rules).matches(b"key: acme-" + b"0a1b2c3d4e5f6a7b8c9d").items


def test_a_rule_of_ours_can_be_changed_and_switched_off(folder: Path) -> None:
    file = folder / "policy.toml"
    file.write_text("""
disabled = ["json-web-token"]
[[rules]]
id = "aws-access-key-id"
severity = "low"
allow = [{ paths = ["^docs/"] }]
""")
    rules = {rule.rule_id: rule for rule in load([file], default_rules())}
    assert "json-web-token" not in rules
    changed = rules["aws-access-key-id"]
    before = next(rule for rule in default_rules() if rule.rule_id == "aws-access-key-id")
    assert changed.severity is Severity.LOW
    assert changed.allows[0].paths == ("^docs/",)
    assert changed._replace(severity=before.severity, allows=(), bounded=True) == before


def test_files_of_a_folder_are_read_in_the_order_of_their_names(folder: Path) -> None:
    (folder / "b.toml").write_text('[[rules]]\nid = "acme-token"\nseverity = "low"\n')
    (folder / "a.toml").write_text(NEW)
    (folder / "notes.txt").write_text("not a rule")
    assert load([folder], ())[0].severity is Severity.LOW


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules = 3", r"rules must be tables"),
        ("colour = 3", r"unknown field 'colour'"),
        ('disabled = ["nope"]', r"disabled names 'nope', which is no rule"),
        ('disabled = "nope"', r"disabled must be a list"),
        ("[[rules]", r"is no TOML"),
        (NEW.replace("high", "bad"), r"rule acme-token: severity is critical"),
        (NEW.replace("{20}", "{20"), r"rule acme-token: .*"),
        (NEW.replace('"acme-["', '"acme-["').replace("[0-9a-f]", "("), r"pattern does not compile"),
        (NEW.replace('["acme-"]', '["corp-"]'), r"rule acme-token: literals: no match .* 'corp-'"),
        ('[[rules]]\nid = "npm-access-token"\npattern = "("', r"npm-access-token: pattern does"),
    ],
)
def test_a_mistake_is_told_with_file_rule_and_field(folder: Path, text: str, message: str) -> None:
    file = folder / "mine.toml"
    file.write_text(text)
    if message.endswith(".*"):
        load([file], default_rules())  # a brace that opens nothing is a plain character
        return
    with pytest.raises(InvalidRule, match=message) as caught:
        load([file], default_rules())
    assert str(caught.value).startswith(str(file))


def test_a_file_that_cannot_be_read_is_told(folder: Path) -> None:
    with pytest.raises(InvalidRule, match="cannot be read"):
        load([folder / "absent.toml"], ())


def test_what_is_written_is_read_again(folder: Path) -> None:
    rules = [rule for rule in default_rules()[1:] if rule.provider == "GitLab"]
    (folder / "copy.toml").write_text(write(rules, "GitLab", notes=["a note"]))
    assert [rule._replace(bounded=True) for rule in load([folder], ())] == rules
