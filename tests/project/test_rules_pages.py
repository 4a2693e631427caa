"""The pages about rules say what the rules and their loader say."""

import re
import subprocess
import tomllib
from pathlib import Path
from random import Random

from keyfuse_rules import rulefile
from keyfuse_rules.checks import CHECKS
from keyfuse_rules.export import FORMATS
from keyfuse_rules.pack import all_rules, extend
from keyfuse_rules.proving import prove
from keyfuse_rules.recipes import expand
from keyfuse_rules.reference import page
from support.project import KEYFUSE, ROOT, fences

RULES = ROOT / "docs" / "rules.md"
WRITING = (ROOT / "docs" / "writing-rules.md").read_text(encoding="utf-8")
MAKE_IT = "keyfuse rules list --rule-set generic --markdown"


def test_the_list_of_rules_is_current() -> None:
    assert RULES.read_text(encoding="utf-8") == "".join(page(all_rules())), f"{MAKE_IT} > {RULES}"


def test_the_page_says_how_it_is_made(tmp_path: Path) -> None:
    text = RULES.read_text(encoding="utf-8")
    assert f"`{MAKE_IT}`" in text
    made = subprocess.run(
        [KEYFUSE, *MAKE_IT.split()[1:]], capture_output=True, check=True, cwd=tmp_path
    )
    assert made.stdout.decode() == text


def test_every_row_has_all_its_cells() -> None:
    rows = [row for row in RULES.read_text("utf-8").splitlines() if row.startswith("| ")]
    assert len(rows) > len(all_rules())
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4, 6}


def test_the_rule_file_of_the_document_is_accepted_and_its_examples_hold() -> None:
    (example,) = fences(WRITING, "toml")
    known = all_rules()
    rules = extend(known, tomllib.loads(example), "acme.toml")
    new = [rule for rule in rules if rule not in known]
    assert [rule.rule_id for rule in new] == ["aws-access-key-id", "acme-deploy-token"]
    assert [failure for rule in new for failure in prove(rule)] == []


def test_every_field_check_and_export_is_documented() -> None:
    fields = {*rulefile._FIELDS, *rulefile._ALLOW_FIELDS}
    wanted = {*fields, *FORMATS} - {"github", "github-custom", "gitleaks"}
    assert [name for name in sorted(wanted) if f"`{name}`" not in WRITING] == []
    assert [name for name in CHECKS if not re.search(rf"`{name}[`:]", WRITING)] == []


def test_every_recipe_of_the_document_expands() -> None:
    recipes = set(re.findall(r"`(<[^`]+>)`", WRITING))
    assert len(recipes) > 5
    for recipe in recipes:
        expand(f"npm_{recipe}", Random(1), "npm")
