"""Long documents in overlapping windows: nothing lost at a seam, nothing found twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from keyfuse_rules.matching import Matcher
from keyfuse_rules.pack import OWN
from keyfuse_scanner.examine import examine
from keyfuse_scanner.model import Document
from keyfuse_scanner.windows import windows
from support.keys import make_key

KEY = make_key().reveal().encode()


def pieces_of(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def position(data, offset):
    before = data[:offset].decode("utf-8", "surrogateescape")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


text = st.text(alphabet="aé€😀\n", max_size=200).map(str.encode)
cuts = st.lists(st.integers(0, 1000), max_size=8)


@given(text, cuts, st.integers(4, 30))
def test_the_owned_parts_are_the_whole_document(data, cuts, margin):
    owned = b"".join(
        window.data[window.begin : window.end] for window in windows(pieces_of(data, cuts), margin)
    )
    assert owned == data


@given(text, cuts, st.integers(4, 30))
def test_positions_are_those_in_the_whole_document(data, cuts, margin):
    offset = 0
    for window in windows(pieces_of(data, cuts), margin):
        starts = [
            start
            for start in range(window.begin, window.end)
            if window.data[start] & 0b1100_0000 != 0b1000_0000
        ]
        expected = [position(data, offset + start - window.begin) for start in starts]
        assert list(window.positions(starts)) == expected
        offset += window.end - window.begin


@given(st.binary(max_size=100), cuts)
def test_bytes_that_are_no_text_are_cut_all_the_same(data, cuts):
    joined = list(windows(pieces_of(data, cuts), 4))
    assert sum(window.end - window.begin for window in joined) == len(data)


@given(st.integers(0, 400), cuts)
def test_a_key_at_any_seam_is_found_once_at_its_place(offset, cuts):
    data = b"\n" + b"." * offset + KEY + b"." * 50
    document = Document("file", b"x", None, pieces_of(data, cuts))
    hits = examine([document], Matcher([OWN])).hits
    assert [(hit.line, hit.column, hit.secret.reveal().encode()) for hit in hits] == [
        (2, offset + 1, KEY)
    ]


def test_windows_of_a_long_document_stay_small():
    sizes = [len(window.data) for window in windows([b"x" * 1000] * 100, 50)]
    assert max(sizes) <= 1100 + 3
