import os
import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_rules.base62 import ALPHABET
from keyfuse_rules.keyformat import (
    PREFIX_MAX,
    RandomnessExhausted,
    build,
    generate,
    parse,
    strip_presentation,
)
from keyfuse_rules.prefixes import InvalidPrefix
from support.keys import break_checksum, make_key

# The pattern as the design states it, written down a second time on purpose.
CONTRACT = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*_kf1[0-9A-Za-z]{42}[0-4][0-9A-Za-z]{5}")

segments = st.from_regex(r"(?!kf[0-9])[a-z0-9]{1,8}", fullmatch=True)
prefixes = (
    st.tuples(
        st.from_regex(r"(?!kf[0-9])[a-z][a-z0-9]{0,9}", fullmatch=True),
        st.lists(segments, max_size=4),
    )
    .map(lambda parts: "_".join([parts[0], *parts[1]]))
    .filter(lambda prefix: len(prefix) <= PREFIX_MAX)
)


@given(prefixes, st.binary(min_size=64, max_size=64))
def test_a_built_key_parses_to_its_parts_and_fits_the_contract(
    prefix: str, randomness: bytes
) -> None:
    try:
        token = build(prefix, randomness).reveal()
    except RandomnessExhausted:
        return
    parsed = parse(token)
    assert parsed is not None
    assert parsed.prefix == prefix
    assert token == f"{prefix}_kf1{parsed.key_id}{token[-38:]}"
    assert CONTRACT.fullmatch(token)


def test_building_is_deterministic() -> None:
    assert build("acme_live", bytes(range(64))) == build("acme_live", bytes(range(64)))


def test_bytes_that_would_bias_the_characters_are_thrown_away() -> None:
    with pytest.raises(RandomnessExhausted, match="41 of 42"):
        build("acme", bytes([248] * 30) + bytes(41))


def test_generate_asks_again_until_the_randomness_suffices() -> None:
    answers = iter([b"\xff" * 64, bytes(64)])
    token, parsed = generate("acme", lambda count: next(answers)[:count])
    assert parsed == parse(token.reveal())


def test_generated_keys_differ() -> None:
    assert len({generate("acme")[0] for _ in range(100)}) == 100


def test_every_character_of_the_alphabet_is_drawn_equally_often() -> None:
    counts = dict.fromkeys(ALPHABET, 0)
    for seed in range(3_000):
        for character in make_key(seed=seed).reveal()[13:55]:
            counts[character] += 1
    expected = 3_000 * 42 / 62
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_squared < 110  # 61 degrees of freedom: p = 0.0001


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "Acme",
        "1acme",
        "acme_",
        "_acme",
        "acme__live",
        "acme-live",
        "kf1",
        "acme_kf1",
        "acme_kf2x",
        "kf9a",
        "a" * 41,
        "acmé",
        "acme\n",
    ],
)
def test_an_illegal_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidPrefix):
        build(prefix, bytes(64))


@pytest.mark.parametrize("prefix", ["a", "a" * 40, "kf", "kfx1", "acme_1", "a_b_c_d_e"])
def test_the_borders_of_the_prefix_grammar_are_allowed(prefix: str) -> None:
    assert parse(build(prefix, bytes(64)).reveal()) is not None


def test_a_prefix_one_too_long_is_no_key_though_its_checksum_holds() -> None:
    from zlib import crc32

    from keyfuse_rules.base62 import encode_crc32

    body = "a" * 41 + "_kf1" + "0" * 42
    assert parse(body + encode_crc32(crc32(body.encode()))) is None


def _mutations(token: str, random: Random, count: int) -> set[str]:
    """Return so many different texts that are one change away from a token, never the token."""
    alphabet = ALPHABET + "_-. \n"
    changed = set()
    while len(changed) < count:
        position = random.randrange(len(token))
        kind = random.randrange(4)
        if kind == 0:
            text = token[:position] + random.choice(alphabet) + token[position + 1 :]
        elif kind == 1:
            text = token[:position] + token[position + 1 :]
        elif kind == 2:
            text = token[:position] + random.choice(alphabet) + token[position:]
        else:
            other = random.randrange(len(token))
            letters = list(token)
            letters[position], letters[other] = letters[other], letters[position]
            text = "".join(letters)
        if text != token:
            changed.add(text)
    return changed


def test_of_a_million_changed_dropped_added_or_swapped_characters_none_is_accepted() -> None:
    random = Random(20_260_101)
    accepted = 0
    for seed in range(250):
        token = make_key("acme_live", seed).reveal()
        accepted += sum(parse(text) is not None for text in _mutations(token, random, 4_000))
    assert accepted == 0


@pytest.mark.parametrize(
    "around", ["{} ", " {}", "{}\n", "\n{}", "{}\0", "secret-token:{}", '"{}"', "Bearer {}"]
)
def test_parsing_strips_nothing(around: str) -> None:
    assert parse(around.format(make_key().reveal())) is None


def test_a_wrong_checksum_is_not_a_key() -> None:
    assert parse(break_checksum(make_key().reveal())) is None


@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    assert parse(text) is None


def test_a_text_of_ten_megabytes_is_answered_at_once() -> None:
    assert parse("a_" * 5_000_000) is None


def test_the_presentation_of_rfc_8959_is_stripped_once() -> None:
    token = make_key().reveal()
    assert strip_presentation(f"secret-token:{token}") == token
    assert strip_presentation(f"Secret-TOKEN:{token}") == token
    assert strip_presentation(f"secret-token:secret-token:{token}") != token
    assert strip_presentation(token) == token


def test_the_system_random_source_is_the_default() -> None:
    assert generate.__defaults__ == (os.urandom,)
