"""Structure checks: what must be inside a secret for it to be one. Used through `checks.CHECKS`."""

import binascii
import re
from base64 import b64decode

from keyfuse_rules.looks import human, literal, placeholder

_SIGNED = re.compile(r"(?:HS|RS|ES|PS|EdDSA|Ed25519)")
_PEM_LINE = re.compile(rb"[0-9A-Za-z+/]{16,}={0,2}")
_PEM_FRAME = re.compile(rb"-----[A-Z0-9 ]+-----")
_PEM_HEADER = re.compile(rb"(?:Proc-Type|DEK-Info|Comment|Version)[ \t]*:[^\r\n\\]{0,120}")
_ASN1_SEQUENCE = 0x30
_OPENSSH_MAGIC = b"openssh-key-v1\0"
_LEAST_KEY_BYTES = 24
# An Ed25519 key is the shortest, one line of 64 characters; some thirty different ones are usual.
_LEAST_PEM = 60
_LEAST_PEM_CHARACTERS = 12
_BECH32 = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
_BECH32_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def jwt(secret: bytes, _argument: str) -> str | None:
    """Object to a JSON Web Token that is not signed, or whose parts are not JSON (RFC 7519)."""
    import json

    start = secret.find(b"eyJ")
    parts = secret[max(start, 0) :].split(b".")
    try:
        header, payload = (json.loads(_decode_url(part)) for part in parts[:2])
    except (ValueError, RecursionError):
        return "is no JSON Web Token"
    if not isinstance(header, dict) or not isinstance(payload, dict):
        return "is no JSON Web Token"
    if not _SIGNED.match(str(header.get("alg", ""))):
        return "is not signed"
    if payload.get("name") == "John Doe" or payload.get("iss") == "joe":
        return "is the example of a specification"
    return None


def base64_basic(secret: bytes, _argument: str) -> str | None:
    """Object to basic credentials that hold no name and password, or an example's (RFC 7617)."""
    try:
        name, colon, password = _decode_url(secret).partition(b":")
    except ValueError:
        return "is not base64"
    if not colon or not password or not (name + password).isascii():
        return "holds no name and password"
    if b"\0" in password or not password.decode().isprintable():
        return "holds no name and password"
    return literal(password, "") or human(password, "") or placeholder(password, "")


def json_object(secret: bytes, _argument: str) -> str | None:
    """Object to base64 that holds no JSON object."""
    import json

    try:
        value = json.loads(_decode_url(secret[max(secret.find(b"eyJ"), 0) :]))
    except (ValueError, RecursionError):
        return "holds no JSON"
    return None if isinstance(value, dict) else "holds no JSON object"


def macaroon(secret: bytes, _argument: str) -> str | None:
    """Object to what is no macaroon of PyPI: a 2, the field 1 with its address, then a field 2.

    Each field is its number, its length and as many bytes (libmacaroons' format, version 2).
    """
    try:
        raw = _decode_url(secret.removeprefix(b"pypi-"))
        address = raw[3 : 3 + raw[2]]
        identifier = raw[3 + raw[2]]
    except (ValueError, IndexError):
        return "is no macaroon"
    if raw[:2] != b"\x02\x01" or address not in {b"pypi.org", b"test.pypi.org"} or identifier != 2:  # noqa: PLR2004 - the field's number
        return "is no macaroon"
    return None


def pem(secret: bytes, _argument: str) -> str | None:
    """Object to a private key whose body is no ASN.1 or OpenSSH structure (RFC 7468)."""
    text = secret.replace(b"\\r", b"").replace(b"\\n", b"\n").replace(b"\\t", b"")
    text = _PEM_HEADER.sub(b"", _PEM_FRAME.sub(b"", text))
    body = b"".join(_PEM_LINE.findall(text))
    if len(body) < _LEAST_PEM or len(set(body)) < _LEAST_PEM_CHARACTERS:
        return "has no key in it"
    raw = _decode_prefix(body)
    if b"ENCRYPTED" in secret[:400] and b"DEK-Info" in secret[:400]:
        return None
    if raw.startswith(_OPENSSH_MAGIC) or (raw[:1] == bytes([_ASN1_SEQUENCE]) and _is_length(raw)):
        return None
    return "has no key in it"


def bech32(secret: bytes, _argument: str) -> str | None:
    """Object to text whose Bech32 checksum is wrong (BIP 173; age's identities)."""
    prefix, _, data = secret.upper().rpartition(b"1")
    values = [byte >> 5 for byte in prefix.lower()] + [0] + [byte & 31 for byte in prefix.lower()]
    positions = [_BECH32.find(byte) for byte in data]
    if min(positions, default=-1) < 0:
        return "is not Bech32"
    return None if bech32_polymod(values + positions) == 1 else "has a wrong checksum"


def bech32_polymod(values: list[int]) -> int:
    """Return the checksum polynomial of BIP 173 over 5-bit values."""
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FF_FFFF) << 5 ^ value
        for bit, step in enumerate(_BECH32_STEPS):
            check ^= step if top >> bit & 1 else 0
    return check


def _decode_url(text: bytes) -> bytes:
    """Decode base64 of either alphabet, padded or not.

    Raises:
        ValueError: It is none.
    """
    text = text.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    return b64decode(text + b"=" * (-len(text) % 4), validate=True)


def _decode_prefix(text: bytes) -> bytes:
    whole = text.rstrip(b"=")
    try:
        return b64decode(whole[: len(whole) // 4 * 4])
    except binascii.Error:
        return b""


def _is_length(raw: bytes) -> bool:
    """Tell whether an ASN.1 length stands where that of a private key stands."""
    if len(raw) < _LEAST_KEY_BYTES:
        return False
    return raw[1] in {0x81, 0x82} or 0x20 <= raw[1] < 0x80  # noqa: PLR2004 - X.690, 8.1.3
