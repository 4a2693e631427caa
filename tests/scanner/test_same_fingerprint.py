"""One secret has one fingerprint: in every mode, wherever it moves, whatever its file is called."""

import json
from random import Random

import pytest

from keyfuse_rules.pack import default_rules
from keyfuse_rules.recipes import expand
from support.keys import make_key

KEY = make_key().reveal()
# Of each kind of secret one is enough: own, with and without checksum, of many lines, guessable.
RULES = [rule for rule in default_rules() if rule.matches]
CHOSEN = [
    *RULES[:: len(RULES) // 40],
    *[rule for rule in RULES if any("\n" in recipe for recipe in rule.matches)],
    *[rule for rule in RULES if rule.guessable][:2],
]
SECRETS = {
    f"{rule.rule_id}.txt": expand(rule.matches[0], Random(1), rule.checksum) + b"\n"
    for rule in CHOSEN
} | {
    "utf-16.txt": f"key = {KEY}\n".encode("utf-16"),
    "hex.txt": KEY.encode().hex().encode() + b"\n",
    "own.txt": f"key = '{KEY}'\n".encode(),
}


@pytest.fixture
def prints(keyfuse):
    """Return a function that scans: rules and fingerprints by path."""

    def call(*mode):
        found = {}
        for finding in json.loads(keyfuse("scan", "--json", *mode).out)["findings"]:
            found.setdefault(finding["path"], set()).add((finding["rule"], finding["fingerprint"]))
        return found

    return call


@pytest.fixture
def planted_ones(repo):
    repo.commit("first", readme="x")
    for name, content in SECRETS.items():
        repo.write(name, content)
    repo.git("add", "-f", ".")
    return repo


def test_in_staged_range_history_and_directory(planted_ones, prints):
    staged = prints("--staged")
    assert set(staged) == set(SECRETS)
    planted_ones.commit("all of them")
    assert prints("--range", "HEAD~1..HEAD") == staged
    assert prints("--history") == staged
    assert prints(*SECRETS) == staged


def test_after_a_hundred_lines_more_and_under_another_name(planted_ones, prints):
    staged = prints("--staged")
    for name, content in SECRETS.items():
        moved = content if name == "utf-16.txt" else b"a line\n" * 100 + content
        planted_ones.write(f"elsewhere/{name}", moved)
    found = prints("elsewhere")
    assert {path.removeprefix("elsewhere/"): one for path, one in found.items()} == staged


def test_in_a_checkout_whose_lines_end_otherwise(planted_ones, prints):
    """What git for Windows makes of a file by default."""
    staged = prints("--staged")
    for name, content in SECRETS.items():
        if name != "utf-16.txt":
            planted_ones.write(name, content.replace(b"\n", b"\r\n"))
    assert prints(*SECRETS) == staged


def test_a_baseline_of_files_covers_staged_range_and_history(planted_ones, keyfuse):
    assert keyfuse("baseline", "create").code == 0
    assert keyfuse("hook", "run").code == 0
    planted_ones.commit("all of them")
    assert keyfuse("scan", "--range", "HEAD~1..HEAD").code == 0
    assert keyfuse("scan", "--history").code == 0
    assert keyfuse("scan").code == 0
