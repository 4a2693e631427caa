"""Users' own rules: --rules, --rule-set, and what keyfuse.toml says about rules."""

import json
from random import Random

import pytest

from keyfuse_rules.recipes import expand

OWN = """
[[rules]]
id = "acme-token"
title = "Acme token"
severity = "high"
literals = ["acme-"]
pattern = "acme-[0-9a-f]{20}"
"""
TOKEN = expand("acme-<hex:20>", Random(3)).decode()
NPM = "npm-access-token"
GENERIC = expand('my_api_key = "<base62:32>"', Random(3)).decode()


@pytest.fixture
def found(keyfuse):
    """Return a function that scans and returns the ids of the rules that found something."""

    def call(*arguments):
        done = keyfuse("scan", "--json", *arguments)
        assert done.code in {0, 1}, done.err
        return [finding["rule"] for finding in json.loads(done.out)["findings"]]

    return call


def test_a_file_and_a_folder_of_rules_may_be_named(repo, found):
    repo.write("a", TOKEN)
    repo.write("mine/acme.toml", OWN)
    assert found("a") == []
    assert found("a", "--rules", "mine/acme.toml") == ["acme-token"]
    assert found("a", "--rules", "mine") == ["acme-token"]
    repo.write("later.toml", 'disabled = ["acme-token"]\n')
    assert found("a", "--rules", "mine", "--rules", "later.toml") == []


def test_the_policy_holds_rules_changes_and_what_is_off(repo, found):
    repo.write("a", TOKEN)
    assert found("a") == []
    repo.write("keyfuse.toml", OWN)
    assert found("a") == ["acme-token"]
    repo.write("keyfuse.toml", 'disabled = ["acme-token"]\n' + OWN)
    assert found("a") == []
    repo.write("keyfuse.toml", OWN + 'paths = "[.]env$"\n')
    assert found("a") == []
    repo.write("x.env", TOKEN)
    assert found("x.env") == ["acme-token"]


def test_pyproject_holds_them_too(repo, found):
    repo.write("a", TOKEN)
    repo.write("pyproject.toml", OWN.replace("[[rules]]", "[[tool.keyfuse.rules]]"))
    assert found("a") == ["acme-token"]


def test_rule_files_stand_relative_to_the_policy(repo, found, monkeypatch):
    repo.write("sub/a", TOKEN)
    repo.write("mine/acme.toml", OWN)
    repo.write("keyfuse.toml", 'rule_files = ["mine"]\n')
    monkeypatch.chdir(repo.path / "sub")
    assert found("a") == ["acme-token"]


def test_the_hook_uses_the_rules_of_the_policy(repo, keyfuse):
    repo.write("keyfuse.toml", OWN)
    repo.stage("a", TOKEN)
    done = keyfuse("hook", "run")
    assert done.code == 1
    assert "a:1:1: Acme token (high)" in done.err


def test_generic_rules_are_on_where_they_are_asked_for(repo, found):
    repo.write("a", GENERIC)
    assert found("a") == []
    assert found("a", "--rule-set", "generic") == ["generic-secret-assignment"]
    assert found("a", "--only", "generic-secret-assignment") == ["generic-secret-assignment"]
    repo.write("keyfuse.toml", 'rule_set = "generic"\n')
    assert found("a") == ["generic-secret-assignment"]
    assert found("a", "--rule-set", "default") == []
    repo.write(
        "keyfuse.toml", '[[rules]]\nid = "generic-secret-assignment"\nrule_set = "default"\n'
    )
    assert found("a") == ["generic-secret-assignment"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OWN.replace("{20}", "{20}("), "rule acme-token: pattern does not compile"),
        (OWN.replace("high", "awful"), "rule acme-token: severity is critical"),
        (OWN.replace('"Acme token"', '"\\u001b[2J"'), "rule acme-token: title must be one line"),
        ('[[rules]]\nid = ["a"]\n', "id must be of type str"),
        ("disabled = ['nosuch']\n", "disabled names 'nosuch'"),
        (f"[[rules]]\nid = '{NPM}'\nrule_set = 'mine'\n", f"rule {NPM}: rule_set is default or"),
        (f"[[rules]]\nid = '{NPM}'\nlead = -1\n", f"rule {NPM}: lead must not be negative"),
    ],
)
@pytest.mark.parametrize("where", ["keyfuse.toml", "mine.toml"])
def test_a_wrong_rule_is_one_line_that_names_file_rule_and_field(
    repo, keyfuse, text, message, where
):
    repo.write(where, text)
    arguments = [] if where == "keyfuse.toml" else ["--rules", where]
    done = keyfuse("scan", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("keyfuse: ")
    assert f"{where}: " in done.err
    assert message in done.err
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err


def test_a_file_that_is_not_there_and_a_folder_without_rules_are_refused(repo, keyfuse):
    (repo.path / "empty").mkdir()
    assert "nosuch: cannot be read" in keyfuse("scan", "--rules", "nosuch").err
    done = keyfuse("scan", "--rules", "empty")
    assert (done.code, done.err) == (2, "keyfuse: empty: holds no rule file, *.toml\n")


def test_an_expression_that_never_ends_over_a_path_hides_nothing(repo, found):
    path = "a" * 60
    repo.write(path, TOKEN)
    allow = 'allow = [{ paths = ["(?:a|aa|aaa)+b"] }]\n'
    repo.write("keyfuse.toml", OWN + allow)
    assert found(path) == ["acme-token"]


@pytest.mark.parametrize("pattern", ["a*", "(?=a)", "(a|a)*$", ".{0,20}"])
def test_what_fits_the_empty_text_finds_nothing_there(repo, found, pattern):
    repo.write(
        "own.toml",
        '[[rules]]\nid = "own"\ntitle = "x"\nseverity = "high"\nkeywords = []\nchecks = []\n'
        f"pattern = '{pattern}'\n",
    )
    repo.write("f", "\n")
    assert found("f", "--rules", "own.toml") == []
