"""Base62 with the alphabet `0-9A-Za-z`, fixed width, left-padded with `0`."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE = len(ALPHABET)

# Two characters at a time: three list look-ups for a CRC-32 instead of six divisions, which
# halves the cost of a checksum on the verification path.
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_PAIR_BASE = len(_PAIRS)
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def encode(number: int, width: int) -> str:
    """Return `number` as exactly `width` base62 characters.

    Raises:
        ValueError: the number is negative or needs more than `width` characters.
    """
    if not 0 <= number < BASE**width:
        raise ValueError(f"{number} does not fit {width} base62 characters")
    digits = []
    for _ in range(width):
        number, digit = divmod(number, BASE)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def encode_crc32(crc: int) -> str:
    """Return a 32-bit number as six base62 characters, the fast path of `encode(crc, 6)`."""
    rest, low = divmod(crc, _PAIR_BASE)
    return _PAIRS[rest // _PAIR_BASE] + _PAIRS[rest % _PAIR_BASE] + _PAIRS[low]


def decode(text: str) -> int:
    """Return the number that `text` stands for.

    Raises:
        ValueError: a character is not in the alphabet.
    """
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise ValueError("not base62")
        number = number * BASE + value
    return number
