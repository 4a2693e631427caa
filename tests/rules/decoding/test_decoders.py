"""Each decoder by itself: what it makes of a stretch, and the way back to where it stands."""

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.decoding import DECODERS
from keyfuse_rules.decoding.runs import Run


def _first(step: str, data: bytes, anchor: int, phase: int = 0) -> Run:
    return next(DECODERS[step]()(data, anchor, phase))


def test_percent_keeps_what_is_no_number() -> None:
    assert _first("percent", b"100%, %zz %41%2", 0).data == b"100%, %zz A%2"


def test_escapes_of_json_shells_and_languages_are_read() -> None:
    data = rb"\u0041 \u{42} \U00000043 \x44 \105 \/ \" \n \\u0046 \\\\x47"
    assert _first("escape", data, 0).data == b'A B C D E / " \n F G'


def test_a_backslash_at_the_end_of_a_line_joins_it_with_the_next() -> None:
    assert _first("escape", b"ab\\\ncd\\\r\nef", 0).data == b"abcdef"


def test_entities_are_read_with_zeros_and_without_a_semicolon() -> None:
    assert (
        _first("html", b"&#65;&#0066&#x43;&#X0044;&amp;&lowbar;&nope;", 0).data == b"ABCD&_&nope;"
    )


def test_a_number_that_is_no_character_stays() -> None:
    assert _first("html", b"&#9999999;", 0).data == b"&#9999999;"


def test_characters_beyond_ascii_become_utf_8() -> None:
    assert _first("escape", rb"\u00e9\u{1f511}", 0).data == "é🔑".encode()


def test_utf_16_has_one_byte_for_each_character() -> None:
    data = "aé→b".encode("utf-16-le")
    assert _first("utf-16", data, 0).data == b"a\xe9\xffb"


@settings(max_examples=300)
@given(st.text("a\0\xe9", min_size=1, max_size=12), st.integers(0, 11), st.integers(0, 2))
def test_utf_16_ends_with_its_object_though_half_a_character_is_missing(
    text: str, anchor: int, cut: int
) -> None:
    data = text.encode("utf-16-le")[: len(text) * 2 - cut] or b"a"
    for run in DECODERS["utf-16"]()(data, min(anchor, len(data) - 1), 0):
        start, end = run.locate(0, len(run.data))
        assert 0 <= run.start <= start <= end == run.end <= len(data)


def test_an_offset_that_is_no_digit_begins_no_run() -> None:
    assert list(DECODERS["base64"]()(b"a b", 1, 0)) == []
    assert list(DECODERS["hex"]()(b"a b", 1, 0)) == []


def test_a_word_above_is_no_line_of_base64() -> None:
    run = _first("base64", b"here it is\naGVsbG8sIHdvcmxk\n", 18, 0)
    assert (run.data, run.start) == (b"hello, world", 11)


STEPS = st.sampled_from(sorted(DECODERS))


@settings(max_examples=25, deadline=None)
@given(STEPS, st.binary(min_size=1, max_size=300), st.data())
def test_every_decoded_byte_has_a_place_in_the_object(
    step: str, data: bytes, draw: st.DataObject
) -> None:
    anchor = draw.draw(st.integers(0, len(data) - 1))
    for run in DECODERS[step]()(data, anchor, draw.draw(st.integers(0, 3))):
        assert 0 <= run.start <= run.end <= len(data)
        for begin in range(len(run.data)):
            start, end = run.locate(begin, begin + 1)
            assert 0 <= start <= end <= len(data)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["percent", "html", "escape"]), st.binary(min_size=1, max_size=200))
def test_what_is_not_encoded_is_its_own_place(step: str, data: bytes) -> None:
    run = _first(step, data, 0)
    for place, byte in enumerate(run.data):
        start, end = run.locate(place, place + 1)
        if end == start + 1:
            assert data[start] == byte
