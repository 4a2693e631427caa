import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyfuse_rules.keyfinding import find_keys
from support.keys import break_checksum, make_key

TOKEN = make_key("acme_live").reveal()
OTHER = make_key("acme_live", seed=1).reveal()

LEFT = [
    "",
    "x",
    "xyz",
    "foo_",
    "FOO_",
    "u003d",
    "%3d",
    "\\u003d",
    "1",
    "_",
    "__",
    "a_b_",
    "kf1_",
    "kf9",
    "_kf1",
    "acme_kf1",
    "=",
    '"',
    "\n",
    "é",
    "\0",
    "a" * 60,
    "a_" * 60,
    "Bearer ",
    "secret-token:",
]
RIGHT = [
    "",
    "x",
    "XYZ9",
    "_suffix",
    "-tail",
    "0" * 60,
    "=",
    "\0",
    "\n",
    "%3d",
    "é",
    "_kf1",
    "_kf1abc",
]


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("right", RIGHT)
def test_the_true_start_and_end_are_found_in_every_neighbourhood(left: str, right: str) -> None:
    data = (left + TOKEN + right).encode()
    valid = [key for key in find_keys(data).keys if key.valid]
    assert [data[key.start : key.end].decode() for key in valid] == [TOKEN]
    assert (valid[0].prefix, valid[0].key_id) == ("acme_live", TOKEN[13:23])


@given(st.binary(max_size=80), st.binary(max_size=80))
@example(b"_kf1" + b"0" * 47, b"")
def test_random_bytes_on_either_side_never_hide_a_key(left: bytes, right: bytes) -> None:
    data = left + TOKEN.encode() + right
    assert TOKEN.encode() in {
        data[key.start : key.end] for key in find_keys(data).keys if key.valid
    }


def test_two_keys_glued_together_are_both_found() -> None:
    data = (TOKEN + OTHER + TOKEN).encode()
    assert [data[key.start : key.end].decode() for key in find_keys(data).keys] == [
        TOKEN,
        OTHER,
        TOKEN,
    ]


def test_a_wrong_checksum_makes_an_invalid_candidate_with_the_longest_legal_prefix() -> None:
    data = ("xy_" + break_checksum(TOKEN)).encode()
    (key,) = find_keys(data).keys
    assert not key.valid
    assert key.prefix == "xy_acme_live"


def test_a_checksum_above_32_bits_is_no_candidate() -> None:
    assert find_keys((TOKEN[:-6] + "4zzzzz").encode()).keys == []


@pytest.mark.parametrize("left", [b"", b"_", b"-", b"ACME", b"9"])
def test_a_marker_without_a_legal_prefix_is_nothing(left: bytes) -> None:
    assert find_keys(left + b"_kf1" + b"0" * 48).keys == []


def test_the_longest_fitting_start_wins() -> None:
    token = make_key("x_acme_live").reveal()
    (key,) = find_keys(token.encode()).keys
    assert key.prefix == "x_acme_live"


def test_candidates_are_bounded_and_the_cut_is_told() -> None:
    data = (TOKEN + "\n").encode() * 5
    assert find_keys(data, limit=5).complete
    cut = find_keys(data, limit=4)
    assert not cut.complete
    assert len(cut.keys) == 4


def test_bytes_without_a_key_hold_none() -> None:
    assert find_keys(b"\xff\xfe nothing here _kf1 acme_live_kf1short") == ([], True)
