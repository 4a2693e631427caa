"""Lists of known secrets: what is written can be read, and lines of two branches are one list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_scanner.errors import KnownListInvalid
from keyfuse_scanner.known import Entry, parse_known, render_known

ONE, TWO = "0" * 31 + "1", "0" * 31 + "2"
ENTRIES = st.builds(
    Entry,
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True) | st.just(""),
    st.sampled_from(["unaudited", "false", "real"]),
    st.from_regex(r"([a-z][a-z #]{0,20}[a-z])?", fullmatch=True),
)


@given(st.lists(ENTRIES, unique_by=lambda entry: entry.fingerprint))
def test_what_is_written_is_read_and_sorted(entries):
    text = render_known(entries, "history")
    known = parse_known(text, "x")
    assert sorted(known.entries.values()) == sorted(entries)
    assert known.scope == "history"
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == sorted(lines)


def test_a_list_written_by_hand_needs_fingerprints_only():
    known = parse_known(f"\n# ours\n{ONE}\n{TWO}  keyfuse-key # dead since May\n", "x")
    assert known.entries == {
        ONE: Entry(ONE),
        TWO: Entry(TWO, "keyfuse-key", "unaudited", "dead since May"),
    }
    assert known.scope is None


def test_an_entry_of_both_branches_is_one_and_the_stronger_word_holds():
    text = (
        f"{ONE} a false # no\n# scope: files\n{ONE} a real\n# scope: history\n{ONE} a unaudited\n"
    )
    known = parse_known(text, "x")
    assert known.entries == {ONE: Entry(ONE, "a", "real", "no")}
    assert known.scope == "history"


@pytest.mark.parametrize("line", ["x", ONE[:-1], f"{ONE} a maybe", "<<<<<<< HEAD", f"{ONE} a b c"])
def test_a_line_that_is_none_is_named(line):
    with pytest.raises(KnownListInvalid, match=r"^list:2: no entry"):
        parse_known(f"{TWO}\n{line}\n", "list")
