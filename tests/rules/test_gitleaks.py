"""A gitleaks configuration becomes rules; what it cannot say is said."""

import pytest
import regex

from keyfuse_rules.gitleaks import convert
from keyfuse_rules.goregex import Untranslatable, translate
from keyfuse_rules.judgement import judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.pack import load
from keyfuse_rules.rulefile import InvalidRule
from keyfuse_rules.rulewriter import write

CONFIG = r"""
title = "mine"
[extend]
useDefault = true
[[rules]]
id = "acme"
description = "Acme token"
regex = '''(?i)acme_?key["' ]{0,3}=\s*["']([a-z0-9]{12})["']'''
entropy = 3
keywords = ["Acme"]
path = '''\.env$'''
[[rules.allowlists]]
regexTarget = "line"
regexes = ['''nosec''']
stopwords = ["sample"]
[[rules]]
id = "file"
path = '''\.p12$'''
[[rules]]
id = "unicode"
regex = '''\p{Greek}{8}'''
[[rules]]
id = "twice"
regex = '''(aa)(bb)'''
[[rules.allowlists]]
condition = "AND"
regexes = ['''x''']
paths = ['''y''']
[[allowlists]]
paths = ['''^vendor/''']
"""


def _shown(data: bytes, path: bytes = b".env") -> list[tuple[str, bytes]]:
    imported = convert(CONFIG, "gitleaks.toml")
    return [
        (match.rule.rule_id, data[match.start : match.end])
        for match in Matcher(imported.rules).matches(data).items
        if judge(match, path).shown
    ]


def test_a_rule_keeps_its_keyword_group_entropy_and_path() -> None:
    line = b"ACME_KEY = 'a1b2c3d4e5f6'"
    assert _shown(line) == [("acme", b"a1b2c3d4e5f6")]
    assert _shown(line, b"readme") == []
    assert _shown(b"ACME_KEY = 'aaaaaaaaaaaa'") == []


def test_allow_lists_hold() -> None:
    assert _shown(b"ACME_KEY = 'a1b2c3d4e5f6' # nosec") == []
    assert _shown(b"ACME_KEY = 'sample1b2c3d'") == []
    assert _shown(b"ACME_KEY = 'a1b2c3d4e5f6'", b"vendor/.env") == []


def test_what_could_not_be_translated_is_named() -> None:
    imported = convert(CONFIG, "gitleaks.toml")
    assert imported.left_out == ("file", "unicode")
    assert [note.partition(":")[0] for note in imported.notes] == [
        "extend.useDefault",
        "file",
        "unicode",
        "twice",
        "twice",
    ]


def test_imported_rules_can_be_written_and_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    imported = convert(CONFIG, "gitleaks.toml")
    file = tmp_path / "imported.toml"
    with_keywords = [rule for rule in imported.rules if rule.keywords]
    file.write_text(write(with_keywords, "imported from gitleaks", imported.notes))
    assert list(load([file], ())) == with_keywords


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"a(?i)b|c", ["ab", "aB", "C"], ["Ab", "AB"]),
        (r"x|(?i)b|c", ["x", "B", "C"], ["X"]),
        (r"(?:a(?i)b)c", ["aBc"], ["aBC"]),
        (r"(?-i:a)(?i)b", ["aB"], ["Ab"]),
        (r"(?s:a.)b", ["a\nb"], ["a\nB"]),
        (r"ab$", ["ab"], ["ab\n"]),
        (r"(?m)^ab$", ["ab", "x\nab\ny"], ["abc"]),
        (r"ab\z", ["ab"], ["ab\n"]),
        (r"\Qa.b\E+", ["a.b"], ["axb"]),
        (r"[[a]", ["[", "a"], ["b"]),
        (r"[]a]", ["]", "a"], ["b"]),
        (r"[^]a]", ["b"], ["]"]),
        (r"[[:digit:]x--]", ["1", "x", "-"], ["a"]),
        (r"a{,2}", ["a{,2}"], ["a", "aa"]),
        (r"a{2}", ["aa"], ["a"]),
        (r"\x{41}\x42", ["AB"], ["ab"]),
    ],
)
def test_a_go_expression_means_the_same(
    pattern: str, matching: list[str], other: list[str]
) -> None:
    expression = regex.compile(translate(pattern).pattern.encode())
    for text in matching:
        assert expression.search(text.encode()), text
    for text in other:
        found = expression.search(text.encode())
        assert found is None or found[0] != text.encode(), text


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"\pL", "bytes do not have"),
        (r"\x{3b1}", "objects are bytes"),
        (r"(?U)a+", "flag 'U'"),
        (r"(a", "lacks a closing parenthesis"),
        (r"a)", "parenthesis too many"),
        (r"[a", "lacks a closing bracket"),
        (r"(?=a)", "group of an unknown kind"),
    ],
)
def test_what_the_engines_do_not_share_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(Untranslatable, match=message):
        translate(pattern)


@pytest.mark.parametrize("text", ["[[rules]", "rules = 3", "rules = " + "[" * 5000])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(InvalidRule, match=r"^gitleaks\.toml: "):
        convert(text, "gitleaks.toml")
