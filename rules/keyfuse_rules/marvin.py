"""Marvin32, the checksum in Microsoft's identifiable keys.

Source: SymCrypt's `marvin32.c`, and microsoft/security-utilities, whose test vectors it passes.
"""

_MASK = 0xFFFF_FFFF


def marvin32(data: bytes, seed: int) -> int:
    """Return the 32-bit checksum of `data` under a 64-bit seed."""
    low, high = seed & _MASK, seed >> 32
    padded = data + b"\x80" + bytes(-(len(data) + 1) % 4)
    for position in range(0, len(padded), 4):
        low = (low + int.from_bytes(padded[position : position + 4], "little")) & _MASK
        low, high = _mix(low, high)
    low, high = _mix(low, high)
    return low ^ high


def _mix(low: int, high: int) -> tuple[int, int]:
    high ^= low
    low = (_rotate(low, 20) + high) & _MASK
    high = _rotate(high, 9) ^ low
    low = (_rotate(low, 27) + high) & _MASK
    return low, _rotate(high, 19)


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _MASK
