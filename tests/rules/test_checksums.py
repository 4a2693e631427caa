"""Published vectors, stored in pieces and joined here, and what each family must tell apart."""

import json
from pathlib import Path
from random import Random

import pytest

from keyfuse_rules.checksums import FAMILIES

VECTORS = json.loads((Path(__file__).parent / "checksum_vectors.json").read_text())
CASES = [
    (family, "".join(pieces).encode()) for family, tokens in VECTORS.items() for pieces in tokens
]


def test_every_family_of_another_provider_has_a_published_vector() -> None:
    assert set(VECTORS) == set(FAMILIES) - {"keyfuse"}


@pytest.mark.parametrize(("family", "token"), CASES, ids=[family for family, _ in CASES])
def test_published_tokens_are_valid_and_one_change_makes_them_invalid(
    family: str, token: bytes
) -> None:
    assert FAMILIES[family].judge(token) == "valid"
    position = 12
    changed = (
        token[:position]
        + (b"A" if token[position : position + 1] != b"A" else b"B")
        + token[position + 1 :]
    )
    assert FAMILIES[family].judge(changed) == "invalid"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_form_the_family_does_not_know_has_no_verdict(family: str) -> None:
    assert FAMILIES[family].judge(b"something else") == "none"


def test_two_hundred_right_and_two_hundred_wrong_checksums_are_told_apart() -> None:
    random = Random(7)
    family = FAMILIES["github-classic"]
    for _ in range(200):
        body = b"ghp_" + bytes(random.choices(b"abcdefghijkABCDEFGHIJK0123456789", k=30))
        seal = family.seal(body)
        wrong = bytes([seal[0] ^ 1]) + seal[1:]
        assert family.judge(body + seal) == "valid"
        assert family.judge(body + wrong) == "invalid"
