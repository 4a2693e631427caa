"""What a check run says: enough to act on, and nothing that acts on its reader."""

from keyfuse_rules import Secret
from keyfuse_rules.model import Severity
from keyfuse_scanner.model import Finding, Problem
from keyfuse_webhook.check_run import MOST_ANNOTATIONS, Found, code, compose
from support.keys import make_key


def finding(**changes):
    token = make_key("acme_live", 7).reveal()
    fields = {
        "rule": "keyfuse-key", "title": "keyfuse API key", "severity": Severity.CRITICAL,
        "checksum": "valid", "path": "src/a.py", "line": 3, "column": 5, "commit": "c" * 40,
        "author": None, "date": None, "object": "b" * 40, "place": "file", "decoded": (),
        "redacted": token[:-38] + "…", "fingerprint": "f" * 32, "key_id": "0123456789",
        "occurrences": 1, "secret": Secret(token),
    }  # fmt: skip
    return Finding(**fields | changes)


class Key:
    def __init__(self, key_id="0123456789", state="revoked"):
        self.id = key_id
        self.state = state


def test_nothing_found_is_a_success_and_says_so():
    run = compose([], [])
    assert (run.conclusion, run.title) == ("success", "No API keys of ours")
    assert run.annotations == ()
    assert run.summary


def test_a_dead_key_is_a_failure_with_its_place_and_what_to_do():
    run = compose([Found(finding(), Key())], [])
    assert (run.conclusion, run.title) == ("failure", "1 API key of ours was pushed; it is revoked")
    (annotation,) = run.annotations
    assert annotation["path"] == "src/a.py"
    assert (annotation["start_line"], annotation["end_line"]) == (3, 3)
    assert annotation["annotation_level"] == "failure"
    assert "revoked" in annotation["message"]
    assert "new key" in run.summary
    assert "`src/a.py:3` in cccccccccccc" in run.summary


def test_a_key_that_still_works_is_told_apart():
    found = [Found(finding(), Key()), Found(finding(line=9), Key("1111111111", "active"))]
    run = compose(found, [])
    assert run.title == "2 API keys of ours pushed; 1 still work"
    assert "still works" in run.annotations[1]["title"]
    assert "| active |" in run.summary


def test_a_key_of_another_issuer_is_a_warning():
    run = compose([Found(finding(), None)], [])
    assert run.conclusion == "failure"
    assert run.annotations[0]["annotation_level"] == "warning"
    assert "not ours" in run.summary
    assert "are dead" not in run.summary


def test_what_could_not_be_scanned_is_neutral_and_said():
    run = compose([], [Problem("missing object", None, "a" * 40)] * 3)
    assert run.conclusion == "neutral"
    assert "3 things could not be scanned: `missing object`" in run.summary


def test_places_without_a_line_stand_in_the_summary_only():
    message = finding(place="commit-message", path=None, line=2)
    named = finding(place="file-name", line=None, path="x/acme_live_kf1…")
    run = compose([Found(message, Key()), Found(named, Key())], [])
    assert run.annotations == ()
    assert "commit message in cccccccccccc" in run.summary
    assert "file name `x/acme_live_kf1…`" in run.summary


def test_annotations_and_rows_are_bounded_and_the_rest_is_counted():
    found = [Found(finding(line=number + 1), Key()) for number in range(MOST_ANNOTATIONS + 7)]
    run = compose(found, [])
    assert len(run.annotations) == MOST_ANNOTATIONS
    assert "7 more places are not annotated." in run.summary
    assert f"{MOST_ANNOTATIONS + 7 - 100} more places are not listed." in run.summary
    longest = finding(path="`|\n" * 3000)
    assert len(compose([Found(longest, Key())] * 100, []).summary) <= 65_535


def test_no_text_of_others_is_markup_or_moves_anything():
    evil = "a`</code>|@everyone\n\x1b[2J\u202e<img src=x>.py"
    run = compose([Found(finding(path=evil), Key())], [])
    (row,) = [line for line in run.summary.splitlines() if "img" in line]
    assert row.count("|") == 4
    assert row.count("`") == 4
    assert "\x1b" not in run.summary
    assert "\u202e" not in run.summary
    assert code("") == "`?`"


def test_no_key_is_in_any_word():
    token = make_key("acme_live", 9).reveal()
    path = f"x/{token}/y"
    run = compose([Found(finding(path=path, redacted=token), Key())], [Problem(token, None, None)])
    words = run.title + run.summary + str(run.annotations)
    assert token not in words
