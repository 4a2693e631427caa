import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_rules.base62 import decode, encode, encode_crc32


@given(st.integers(0, 62**6 - 1))
def test_decode_undoes_encode(number: int) -> None:
    assert decode(encode(number, 6)) == number


@given(st.integers(0, 2**32 - 1))
def test_the_fast_path_agrees_with_the_plain_one(crc: int) -> None:
    assert encode_crc32(crc) == encode(crc, 6)


def test_the_greatest_crc_has_its_known_form() -> None:
    assert encode_crc32(2**32 - 1) == "4gfFC3"


@pytest.mark.parametrize("number", [-1, 62**6])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(number, 6)


def test_a_foreign_character_is_refused() -> None:
    with pytest.raises(ValueError, match="not base62"):
        decode("abc-")
