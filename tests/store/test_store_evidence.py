"""Evidence: where exactly, in bounded words, each piece once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_store import Issued, KeyStore, evidence
from keyfuse_store.evidence import Evidence
from support.keys import make_key
from support.leaking import record_leak

PLACE = Evidence(
    "scan", "scan", "file", "https://x.example/a", 17, commit="c" * 40, path="src/a.py", line=3
)


def kept(store: KeyStore, leak_id: str) -> list[Evidence]:
    with store.read() as connection:
        return [one.evidence for one in evidence.evidence_of(connection, leak_id)]


def test_place_is_kept_as_it_was_told(store: KeyStore, issued: Issued) -> None:
    leak = record_leak(store, issued, PLACE).leak
    assert kept(store, leak.id) == [PLACE]
    with store.read() as connection:
        (one,) = evidence.evidence_of(connection, leak.id)
    assert one.as_json()["commit"] == "c" * 40
    assert (one.as_json()["path"], one.as_json()["line"]) == ("src/a.py", 3)
    assert str(one.as_json()["claimed"]).startswith("1970-01-01T00:00:00")


@pytest.mark.parametrize(
    "other", [{"line": 4}, {"path": "src/b.py"}, {"commit": "d" * 40}, {"url": "https://y.example"}]
)
def test_another_place_is_another_piece(
    store: KeyStore, issued: Issued, other: dict[str, str]
) -> None:
    from dataclasses import replace

    record_leak(store, issued, PLACE)
    assert record_leak(store, issued, replace(PLACE, **other)).new_evidence
    assert not record_leak(store, issued, replace(PLACE, claimed_us=99)).new_evidence


@pytest.mark.parametrize("line", [0, -1, 2**31, 10**30])
def test_line_that_is_none_is_not_kept(store: KeyStore, issued: Issued, line: int) -> None:
    leak = record_leak(store, issued, Evidence("scan", "scan", path="a", line=line)).leak
    assert kept(store, leak.id)[0].line is None


def test_words_are_cut_and_hold_no_key(store: KeyStore, issued: Issued) -> None:
    token = make_key().reveal()
    told = Evidence("scan", "scan", token, token * 100, commit=token * 2, path=f"src/{token}.py")
    leak = record_leak(store, issued, told).leak
    (one,) = kept(store, leak.id)
    words = [one.source, one.url, one.commit, one.path]
    assert all(word is not None and token not in word and len(word) <= 2000 for word in words)


@given(st.text(max_size=50), st.text(max_size=50))
def test_evidence_is_the_same_only_if_its_words_are(one: str, two: str) -> None:
    rows = [evidence._row(Evidence("scan", "scan", url=url)) for url in (one, two)]
    same = evidence._digest(rows[0]) == evidence._digest(rows[1])
    assert same == (rows[0] == rows[1])
