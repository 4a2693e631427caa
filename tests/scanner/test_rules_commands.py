"""`keyfuse rules`: list, show, test, import, export."""

import json
import tomllib

import pytest

from keyfuse_rules.export import FORMATS
from keyfuse_rules.keyformat import parse
from keyfuse_rules.pack import all_rules, default_rules

OWN = """
provider = "Acme"
[[rules]]
id = "acme-token"
title = "Acme token"
severity = "high"
literals = ["acme-"]
pattern = "acme-[0-9a-f]{20}"
matches = ["acme-<hex:20>"]
ignores = ["acme-<hex:19>"]
"""
GITLEAKS = """
[[rules]]
id = "acme"
description = "Acme\\n token"
regex = '''acme-[0-9a-f]{20}'''
keywords = ["acme-"]
[[rules]]
id = "npm-access-token"
description = "npm"
regex = '''npm_[a-z0-9]{36}'''
[[rules]]
id = "only-a-path"
path = '''[.]p12$'''
"""


def test_the_list_is_what_a_scan_from_here_uses(repo, keyfuse):
    ids = [rule["id"] for rule in json.loads(keyfuse("rules", "list", "--json").out)]
    assert ids == [rule.rule_id for rule in default_rules()]
    repo.write("keyfuse.toml", 'disabled = ["npm-access-token"]\n')
    repo.write("acme.toml", OWN)
    options = ["--json", "--rules", "acme.toml", "--rule-set", "generic"]
    ids = [rule["id"] for rule in json.loads(keyfuse("rules", "list", *options).out)]
    assert len(ids) == len(all_rules())
    assert {"acme-token", "generic-secret-assignment"} < set(ids)
    assert "npm-access-token" not in ids


def test_the_list_can_be_empty(repo, keyfuse):
    ids = [rule.rule_id for rule in all_rules()]
    repo.write("keyfuse.toml", f"disabled = {json.dumps(ids)}\n")
    assert keyfuse("rules", "list") == (0, "", "")


def test_a_rule_is_shown_with_what_proves_it_and_where_to_revoke_it(repo, keyfuse):
    out = keyfuse("rules", "show", "github-classic-token").out
    assert "provider:      GitHub\n" in out
    assert "checksum:      github-classic; a wrong one is no secret (19 of 19 expired" in out
    assert "revoke url:    https://github.com/settings/tokens\n" in out
    out = keyfuse("rules", "show", "cloudflare-token").out
    assert "checksum:      cloudflare; a wrong one lowers the severity (" in out
    assert keyfuse("rules", "show", "generic-secret-assignment").code == 0
    repo.write("acme.toml", OWN)
    assert keyfuse("rules", "show", "acme-token").code == 2
    shown = keyfuse("rules", "show", "acme-token", "--rules", "acme.toml", "--json")
    assert json.loads(shown.out)["provider"] == "Acme"


def test_our_own_examples_hold(repo, keyfuse):
    done = keyfuse("rules", "test")
    assert done.code == 0
    assert done.out.startswith(f"{len(all_rules())} rules, ")
    assert done.out.endswith(" examples, 0 wrong\n")


def test_the_examples_of_a_file_are_run(repo, keyfuse):
    repo.write("acme.toml", OWN)
    assert keyfuse("rules", "test", "acme.toml") == (0, "1 rules, 2 examples, 0 wrong\n", "")
    repo.write("acme.toml", OWN.replace("<hex:19>", "<hex:20>"))
    done = keyfuse("rules", "test", "acme.toml")
    assert done.code == 1
    assert done.out.splitlines() == [
        "acme-token: ignores: 'acme-<hex:20>' is found",
        "1 rules, 2 examples, 1 wrong",
    ]
    outcome = json.loads(keyfuse("rules", "test", "acme.toml", "--json").out)
    assert outcome["failures"] == [
        {
            "rule": "acme-token",
            "field": "ignores",
            "example": "acme-<hex:20>",
            "problem": "is found",
        }
    ]


def test_a_change_to_our_rules_is_held_to_their_examples(repo, keyfuse):
    repo.write("mine.toml", '[[rules]]\nid = "npm-access-token"\nchecks = ["entropy:9"]\n')
    assert keyfuse("rules", "test", "mine.toml").code == 0  # a right checksum is not asked more
    repo.write("mine.toml", '[[rules]]\nid = "npm-access-token"\npattern = "npm_[0-9]{36}"\n')
    assert keyfuse("rules", "test", "mine.toml").code == 1


def test_rules_without_examples_are_counted(repo, keyfuse):
    repo.write("acme.toml", OWN.split("matches", maxsplit=1)[0])
    done = keyfuse("rules", "test", "acme.toml")
    assert done.out == "1 rules, 0 examples, 0 wrong; 1 rules have no example\n"
    assert keyfuse("rules", "test", "nosuch.toml").code == 2


def test_a_gitleaks_configuration_becomes_a_rule_file_that_a_scan_reads(repo, keyfuse):
    repo.write("gitleaks.toml", GITLEAKS)
    done = keyfuse("rules", "import", "gitleaks", "gitleaks.toml")
    assert done.code == 0
    ids = [rule["id"] for rule in tomllib.loads(done.out)["rules"]]
    assert ids == ["acme", "gitleaks-npm-access-token"]
    left_out, renamed = done.err.splitlines()
    assert left_out.startswith("keyfuse: only-a-path: left out: ")
    assert renamed.startswith("keyfuse: npm-access-token: is gitleaks-npm-access-token here")
    repo.write("imported.toml", done.out)
    repo.write("a", "acme-" + "0a1b2c3d4e5f6a7b8c9d")
    scanned = keyfuse("scan", "a", "--json", "--rules", "imported.toml")
    assert [found["title"] for found in json.loads(scanned.out)["findings"]] == ["Acme token"]
    fields = json.loads(keyfuse("rules", "import", "gitleaks", "gitleaks.toml", "--json").out)
    assert fields["toml"] == done.out
    assert fields["left_out"] == ["only-a-path"]
    assert len(fields["notes"]) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rules]", "is no TOML"),
        ("extend = 3", "extend must be of type dict"),
        ("[[rules]]\nid = 'a'\nregex = 3", "rule a: regex must be of type str"),
        ("[[rules]]\nid = 'a'\nregex = 'x'\nkeywords = [3]", "rule a: keywords must hold strings"),
        ("[[rules]]\nid = 'a'\nregex = 'x'\nallowlists = [3]", "rule a: allowlists must be tables"),
        ("[allowlist]\nregexes = 'x'", "allowlists: regexes must be of type list"),
    ],
)
def test_what_is_no_gitleaks_configuration_is_refused_in_one_line(repo, keyfuse, text, message):
    repo.write("x.toml", text)
    done = keyfuse("rules", "import", "gitleaks", "x.toml")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("keyfuse: x.toml: ")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_configuration_that_cannot_be_read_is_refused(repo, keyfuse):
    done = keyfuse("rules", "import", "gitleaks", "nosuch")
    assert (done.code, done.err) == (2, "keyfuse: nosuch: no such file or directory\n")
    repo.write("x", b"\xff")
    assert keyfuse("rules", "import", "gitleaks", "x").err == "keyfuse: x: is not UTF-8\n"
    assert keyfuse("rules", "import", "nosuch", "x").code == 2


@pytest.mark.shows_key
@pytest.mark.parametrize("form", FORMATS)
def test_a_key_type_is_told_to_every_other_scanner(repo, keyfuse, form):
    done = keyfuse("rules", "export", "acme_live", "--to", form)
    assert (done.code, done.err) == (0, "")
    fields = json.loads(keyfuse("rules", "export", "acme_live", "--to", form, "--json").out)
    assert fields["text"] == done.out
    assert fields["regex"] in done.out


@pytest.mark.shows_key
def test_the_forms_have_the_names_of_the_contract(repo, keyfuse):
    assert list(FORMATS) == [
        "github", "github-custom", "gitleaks", "betterleaks", "kingfisher", "trufflehog", "regex",
    ]  # fmt: skip
    out = keyfuse("rules", "export", "acme_live", "--to", "github-custom").out
    assert parse(out.strip().rpartition("=")[2]) is not None


def test_a_prefix_that_no_key_can_have_is_refused(repo, keyfuse):
    done = keyfuse("rules", "export", "ghp", "--to", "regex")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert keyfuse("rules", "export", "acme_live", "--to", "nosuch").code == 2
    assert keyfuse("rules", "export", "acme_live").code == 2
