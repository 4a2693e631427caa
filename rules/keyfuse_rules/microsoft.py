"""How Microsoft seals its keys: identifiable keys, common annotated keys, Entra, Azure DevOps.

Source: microsoft/security-utilities (MIT), file `IdentifiableMetadata.cs` and its neighbours.
"""

from base64 import b32decode, b32encode, b64decode, b64encode
from zlib import crc32

from keyfuse_rules.base62 import encode_crc32
from keyfuse_rules.marvin import marvin32

CHECKSUM_BYTES = 4

# Seeds are eight readable characters: "Default0", "SysAll00", "Query000", …
SEEDS: dict[str, tuple[bytes, ...]] = {
    "storage": (b"Default0",),
    "cosmos": (
        b"MastRW00",
        b"MastRO00",
        b"SysAll00",
        b"SystRW00",
        b"SystRO00",
        b"Resour00",
        b"Encryp00",
    ),
    "search": (b"PAdmin00", b"Query000"),
    "container-registry": (b"ACRDflt0",),
    "functions": (b"Functi00", b"System00", b"Master00"),
    "messaging": (b"Send0000", b"Listen00", b"Manage00", b"System00", b"Unknown0"),
    "batch": (b"AbAcct00",),
    "iot": (b"IoTHub00", b"DpsKey00", b"Device00"),
    "api-management": (b"Tenant00", b"IoTHub00", b"Gatewy00", b"GitKey00"),
    "machine-learning": (b"Classic0",),
}

_ANNOTATED_SEED = int.from_bytes(b"Default0", "big")
_ENTRA_SEED = int.from_bytes(b"AadPwd00", "big")
_ENTRA_ALPHABET = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~"

# Which bytes of an Azure DevOps token are its checksum, the least significant first, and what the
# CRC-32 of the others is combined with: for users' and for applications' tokens.
_DEVOPS_PLACES = (22, 8, 7, 2)
_DEVOPS_MASKS = (0xE0B9692D, 0x1019F92E)


def identifiable_tail(body: bytes, size: int, seed: bytes) -> bytes:
    """Return the last characters of an identifiable key of `size` bytes.

    Args:
        body: Its base64 text up to and with the signature.
        size: Bytes of the whole key.
        seed: Seed of the service, eight characters.
    """
    characters = -(-size * 8 // 6)
    padding = b"=" * (-characters % 4)
    raw = b64decode(body.ljust(characters, b"A") + padding)[:-CHECKSUM_BYTES]
    checksum = marvin32(raw, int.from_bytes(seed, "big")).to_bytes(CHECKSUM_BYTES, "little")
    return b64encode(raw + checksum)[len(body) :]


def annotated_tails(body: bytes) -> tuple[bytes, bytes]:
    """Return the two ways in which eight characters may end a common annotated key.

    The checksum of the first 60 bytes stands there in base64, or, in later keys, as base 62 that
    was decoded and encoded as base64. Keys of 84 characters have only the first four of them.
    """
    checksum = marvin32(b64decode(body), _ANNOTATED_SEED).to_bytes(CHECKSUM_BYTES, "little")
    digits = encode_crc32(int.from_bytes(checksum, "big")).lstrip("0").ljust(6, "0")
    return b64encode(checksum), b64encode(b64decode(digits.encode() + b"=="))


def entra_tail(body: bytes) -> bytes:
    """Return the last three characters of an Entra client secret with the sign `8Q~`."""
    number, digits = marvin32(body, _ENTRA_SEED), bytearray()
    for _ in range(6):
        number, digit = divmod(number, len(_ENTRA_ALPHABET))
        digits.insert(0, _ENTRA_ALPHABET[digit])
    return bytes(digits[:3])


def devops_token(token: bytes) -> bytes:
    """Return a 52-character Azure DevOps token with the checksum of a user's token put right."""
    raw = bytearray(_devops_bytes(token))
    sums = _devops_sums(raw)
    for place, byte in zip(_DEVOPS_PLACES, sums[0], strict=True):
        raw[place] = byte
    return b32encode(raw).rstrip(b"=").lower()


def is_devops_token(token: bytes) -> bool:
    """Tell whether a 52-character token carries the checksum of a user or an application."""
    raw = _devops_bytes(token)
    return bytes(raw[place] for place in _DEVOPS_PLACES) in _devops_sums(raw)


def _devops_bytes(token: bytes) -> bytes:
    return b32decode(token.upper() + b"====")


def _devops_sums(raw: bytes | bytearray) -> list[bytes]:
    checksum = crc32(raw[0:2] + raw[3:7] + raw[9:22] + raw[23:32])
    return [(checksum ^ mask).to_bytes(CHECKSUM_BYTES, "little") for mask in _DEVOPS_MASKS]
