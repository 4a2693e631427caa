"""A key of ours is found however it is encoded, whatever stands around it, and decoys are not."""

import base64
import os
import subprocess
import sys
import textwrap
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Match
from keyfuse_rules.pack import OWN
from keyfuse_rules.plainsearch import plain_search
from keyfuse_rules.triggers import triggers
from support.hiding import OWN_WAYS, WAYS
from support.keys import break_checksum, make_key

MATCHER = Matcher([OWN], plain_search(triggers([OWN], decode=True)))
KEY = make_key().reveal().encode()
DECOY = break_checksum(KEY.decode()).encode()
EVERY_WAY = WAYS | OWN_WAYS


def _valid(data: bytes) -> list[Match]:
    matches = MATCHER.matches(data)
    assert matches.complete
    return [match for match in matches.items if match.checksum == "valid"]


def _secret(match: Match, data: bytes) -> bytes:
    if match.secret is None:
        return data[match.start : match.end]
    return match.secret.reveal().encode("latin-1")


def _is_found(data: bytes) -> bool:
    return [_secret(match, data) for match in _valid(data)] == [KEY]


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_hidden_key_is_found_and_its_layers_are_named(way: str) -> None:
    steps, hide = EVERY_WAY[way]
    data = b'secret = "' + hide(KEY) + b'"\n'
    if "utf-16" in way:
        data = hide(b'secret = "' + KEY + b'"\n')
    (match,) = _valid(data)
    assert _secret(match, data) == KEY
    assert match.decoded == steps
    assert match.key_id == KEY[13:23].decode()


_TOLD = """if True:
    import sys
    from keyfuse_rules.matching import Matcher
    from keyfuse_rules.pack import OWN
    from keyfuse_rules.plainsearch import plain_search
    from keyfuse_rules.triggers import triggers
    matcher = Matcher([OWN], plain_search(triggers([OWN], decode=True)))
    data = sys.stdin.buffer.read()
    print([match.decoded for match in matcher.matches(data).items])
"""


def test_what_can_be_read_in_two_ways_is_told_in_one() -> None:
    """In whatever order a process has the members of a set."""
    data = b"secret = '" + KEY[:20] + b"\\\n" + KEY[20:] + b"'"
    told = {
        subprocess.run(
            [sys.executable, "-c", _TOLD],
            input=data,
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(2, 6)
    }
    assert told == {b"[('escape',)]\n"}


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_hidden_decoy_is_silent(way: str) -> None:
    assert _valid(EVERY_WAY[way][1](b"'" + DECOY + b"'")) == []


@pytest.mark.parametrize("way", EVERY_WAY)
@settings(max_examples=25, deadline=None)
@given(before=st.binary(max_size=40), behind=st.binary(max_size=40))
def test_no_neighbourhood_hides_an_encoded_key(way: str, before: bytes, behind: bytes) -> None:
    # Digits of the encoding itself right at the run are no neighbourhood but a part of the run.
    data = before + b" '" + EVERY_WAY[way][1](KEY) + b"' " + behind
    assert KEY in [_secret(match, data) for match in _valid(data)]


@pytest.mark.parametrize("way", ["base64-0", "base64-1", "base64-2", "hex", "percent"])
@settings(max_examples=25, deadline=None)
@given(before=st.binary(max_size=20), behind=st.binary(max_size=20))
def test_nothing_that_is_encoded_with_a_key_hides_it(
    way: str, before: bytes, behind: bytes
) -> None:
    data = EVERY_WAY[way][1](before + b" " + KEY + b" " + behind)
    assert KEY in [_secret(match, data) for match in _valid(data)]


@settings(max_examples=25, deadline=None)
@given(glued=st.text("0123456789abcdefABCDEF", max_size=7))
def test_digits_glued_to_the_front_of_a_run_do_no_harm(glued: str) -> None:
    assert _is_found(b'"\\n' + glued.encode() + base64.b64encode(KEY) + b'"')


@settings(max_examples=25, deadline=None)
@given(width=st.integers(20, 100), lead=st.integers(0, 120), indent=st.sampled_from(["", "  "]))
def test_wrapped_base64_is_read_over_its_lines(width: int, lead: int, indent: str) -> None:
    encoded = base64.b64encode(b"." * lead + b" " + KEY + b" " + b"." * 90).decode()
    lines = [indent + line for line in textwrap.wrap(encoded, width)]
    for line_break in ("\n", "\r\n"):
        data = ("data:\n" + line_break.join(lines) + line_break + "next: word\n").encode()
        (match,) = _valid(data)
        assert match.decoded == ("base64",)
        assert match.start == data.index(lines[0].encode()) + len(indent)


@settings(max_examples=25, deadline=None)
@given(width=st.integers(20, 80), lead=st.integers(0, 80))
def test_wrapped_hexadecimal_is_read_over_its_lines(width: int, lead: int) -> None:
    encoded = (b"." * lead + KEY).hex()
    assert _is_found("\n".join(textwrap.wrap(encoded, width)).encode())


JOINS = (
    '"{}" + "{}"',
    "'{}' '{}'",
    '"{}"\n    "{}"',
    '"{}" +\n    "{}"',
    "'{}' . '{}'",
    "'{}' || '{}'",
    '"{}" & "{}"',
    '"{}" <> "{}"',
    'f"{}" f"{}"',
    "{}\\\n{}",
    "{}=\r\n{}",
    "# {}\n# {}",
    "{}\n    {}",
)


@pytest.mark.parametrize("join", JOINS)
def test_a_key_in_two_pieces_is_found_wherever_it_is_torn(join: str) -> None:
    text = KEY.decode()
    for cut in range(1, len(text)):
        data = ("x = " + join.format(text[:cut], text[cut:]) + "\n").encode()
        assert KEY in [_secret(match, data) for match in _valid(data)], cut


def test_a_torn_decoy_is_silent() -> None:
    text = DECOY.decode()
    for cut in range(1, len(text)):
        assert _valid(f'"{text[:cut]}" + "{text[cut:]}"'.encode()) == []


def test_a_finding_stands_where_its_encoded_run_begins() -> None:
    run = base64.b64encode(b"user:" + KEY)
    data = b"# one\nAuthorization: Basic " + run + b"\n"
    (match,) = _valid(data)
    assert data[match.start : match.end] == run.rstrip(b"=")


def test_an_escaped_key_stands_where_its_first_character_is() -> None:
    escaped = EVERY_WAY["unicode-escapes"][1](KEY)
    data = b'{"a": "\\u0041\\n", "key": "' + escaped + b'"}'
    (match,) = _valid(data)
    assert data[match.start : match.end] == escaped


def test_what_stands_plainly_is_not_reported_a_second_time_as_decoded() -> None:
    data = b"\\u003d" + KEY + b"\\n and " + base64.b64encode(b"no _kf1 key here at all")
    assert [match.decoded for match in _valid(data)] == [()]


def test_a_valid_key_takes_the_place_of_the_wrong_one_that_its_plain_part_shows() -> None:
    data = KEY.replace(b"_", b"\\u005f", 1)  # what is left begins with the second segment
    assert [match.checksum for match in MATCHER.matches(data).items] == ["valid"]


def test_a_decoded_secret_is_not_shown_by_a_repr() -> None:
    (match,) = _valid(base64.b64encode(KEY))
    assert KEY.decode() not in repr(match)


def test_encodings_deeper_than_two_are_left_alone() -> None:
    data = KEY
    for _ in range(4):
        data = base64.b64encode(data)
    assert _valid(data) == []


def test_many_encoded_keys_in_one_object_are_all_found() -> None:
    keys = [make_key(seed=seed).reveal().encode() for seed in range(60)]
    data = b"\n".join(base64.b64encode(key) for key in keys)
    lines = b"\n".join(EVERY_WAY["percent"][1](key) for key in keys)
    for text in (data, lines):
        assert {_secret(match, text) for match in _valid(text)} == set(keys)


def test_input_made_to_be_decoded_over_and_over_is_cut_and_told() -> None:
    run = base64.b64encode(b"_kf1" * 60_000)
    matches = MATCHER.matches(run)
    assert not matches.complete


def test_a_long_run_full_of_hits_is_decoded_once_and_all_of_it() -> None:
    # As the source map of a bundle: megabytes of base64 in one line.
    text = (b";AAAA" * 1_000 + b";_kf1;") * 400 + KEY
    matches = MATCHER.matches(b'"data:text/plain;base64,' + base64.b64encode(text) + b'"')
    assert matches.complete
    assert [match.decoded for match in matches.items if match.checksum == "valid"] == [("base64",)]


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_wide_text_full_of_hits_is_read_once(order: str) -> None:
    data = ("_kf1" * 4_000).encode(order)
    assert MATCHER.matches(data).complete


def test_base64_that_is_wrapped_and_full_of_hits_is_read_once() -> None:
    text = (b"words " * 50 + b"_kf1 ") * 400 + KEY
    data = base64.encodebytes(text)
    assert KEY in [_secret(match, data) for match in _valid(data)]


@pytest.mark.parametrize(
    "line", ['x = "%s\\n"', "https://h/?a=%%20&t=%s&b=1", "%s,a&amp;b", '"%s",']
)
def test_a_file_of_many_decoys_is_looked_into_completely(line: str) -> None:
    decoys = [break_checksum(make_key(seed=seed).reveal()) for seed in range(400)]
    data = "\n".join(line % decoy for decoy in [*decoys, KEY.decode()]).encode()
    assert {_secret(match, data) for match in _valid(data)} == {KEY}


def test_a_small_object_full_of_signs_is_looked_into_completely() -> None:
    random = Random(1)
    signs = (b"_kf1", b"%5f", b"&#95;", rb"\u005f", b"\\", b'"', b"'", b" + ", b"\n")
    data = b"".join(random.choice(signs) for _ in range(300)) + b"\n" + KEY
    assert {_secret(match, data) for match in _valid(data)} == {KEY}
