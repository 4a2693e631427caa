"""The delta applied without native code refuses what git refuses."""

import pytest

from keyfuse_scanner.objectstore.deltas import apply_delta, result_size
from keyfuse_scanner.objectstore.model import Damaged

BASE = bytes(range(256)) * 300


def varint(number: int) -> bytes:
    """A size as gitformat-pack(5) writes it at the head of a delta."""
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def delta(size: int, instructions: bytes) -> bytes:
    return varint(len(BASE)) + varint(size) + instructions


def test_a_copy_without_a_size_takes_64_kib() -> None:
    assert b"".join(apply_delta(BASE, delta(0x10000, b"\x80"))) == BASE[:0x10000]


@pytest.mark.parametrize(
    ("size", "instructions", "reason"),
    [
        (3, b"\x00", "reserved instruction"),
        (5, b"\x05abc", "copies what is not there"),
        (9, b"\x03abc", "another size than it says"),
        (2, b"\x03abc", "another size than it says"),
    ],
)
def test_a_damaged_delta_is_refused(size: int, instructions: bytes, reason: str) -> None:
    with pytest.raises(Damaged, match=reason):
        apply_delta(BASE, delta(size, instructions))


@pytest.mark.parametrize("cut", [b"", b"\x80", b"\x03", b"\x03\x80"])
def test_a_delta_that_ends_in_its_sizes_is_damaged(cut: bytes) -> None:
    with pytest.raises(Damaged, match="without sizes"):
        result_size(cut)
