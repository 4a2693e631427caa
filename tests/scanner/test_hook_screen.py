"""What somebody sees who was stopped: all that is needed, on one screen of 24 lines by 80."""

import pytest

from keyfuse_rules.model import Severity
from keyfuse_rules.pack import OWN, default_rules
from keyfuse_scanner.model import Problem, ScanResult
from keyfuse_scanner.reports.hook import render
from support.findings import finding
from support.keys import make_key

OTHERS = [rule for rule in default_rules() if rule.revoke_url][:4]
RULES = {rule.rule_id: rule for rule in (OWN, *OTHERS)}


def worst(moment):
    """Return findings of the kind that takes the most room, of many secrets at many places."""
    more = {"commit": "1" * 40, "author": "Ada", "date": "2026-01-01T00:00:00Z", "occurrences": 9}
    fields = more if moment in {"push", "receive"} else {}
    own = [
        finding(path=f"file-{place}", fingerprint=f"{number:032}", key_id=f"{number:010}", **fields)
        for number in range(9)
        for place in range(9)
    ]
    others = [
        finding(
            rule=rule.rule_id, title=rule.title, severity=Severity.LOW, key_id=None,
            fingerprint=f"{number:031}x", **fields,
        )
        for number, rule in enumerate(OTHERS)
    ]  # fmt: skip
    return [*others, *own]


@pytest.mark.parametrize("moment", ["commit", "message", "push", "receive"])
@pytest.mark.parametrize("errors", [0, 1, 50])
def test_it_fits_one_screen_whatever_was_found(moment, errors):
    problems = [Problem("missing object", None, "2" * 40)] * errors
    result = ScanResult(worst(moment), problems, 1, 1, rules=RULES)
    text = "".join(render(result, moment=moment))
    lines = text.splitlines()
    assert len(lines) <= 24
    ours = [line for line in lines if "file-" not in line and "missing" not in line]
    assert max(map(len, ours)) <= 80
    assert "(critical)" in lines[min(errors, 4)], "the worst come first"
    assert "more" in text
    assert "keyfuse keys revoke 0000000000" in text
    if errors == 50:
        assert "and 47 more could not be scanned" in text


def test_it_says_what_where_why_and_what_next():
    (rule, *_) = OTHERS
    found = [
        finding(path="app.py", line=3, column=8),
        finding(path="b.py", rule=rule.rule_id, title=rule.title, key_id=None, checksum="none",
                fingerprint="1" * 32),
    ]  # fmt: skip
    text = "".join(render(ScanResult(found, [], 1, 1, rules=RULES)))
    for said in (
        "app.py:3:8: keyfuse API key (critical)",
        "its checksum is right",
        "acme_kf1…",
        "git restore --staged",
        "environment",
        "keyfuse keys revoke 0123456789",
        f"{rule.title}: {rule.revoke_url}",
        "keyfuse:allow",
        ".keyfuseignore",
        "git commit --no-verify",
    ):
        assert said in text


def test_nothing_but_problems_is_short():
    text = "".join(render(ScanResult([], [Problem("gone", "a", None)], 1, 1)))
    assert text.splitlines() == [
        "keyfuse: a: gone",
        "0 findings in 1 object (1 bytes); 1 thing could not be scanned",
    ]


def test_a_real_commit_of_many_secrets_is_one_screen_without_a_secret(repo, keyfuse):
    keys = [make_key(seed=seed).reveal() for seed in range(30)]
    for number, key in enumerate(keys):
        repo.write(f"{number}.txt", f"{key}\n")
    repo.git("add", ".")
    done = keyfuse("hook", "run")
    assert done.code == 1
    assert len(done.err.splitlines()) <= 24
    assert "and 27 more; keyfuse scan --staged shows all" in done.err
    assert [key for key in keys if key in done.err] == []
