"""Signatures of what GitHub sends: bytes in, yes or no out, no I/O.

Webhooks carry an HMAC-SHA256 of the raw body under a shared secret
(https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).

Secret scanning alerts: GitHub signs the raw body with ECDSA P-256 and SHA-256 and sends
base64 of the ASN.1 DER signature; the key identifier is the SHA-256 of the PEM
text (https://docs.github.com/en/code-security/tutorials/secret-scanning-partner-program).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from keyfuse_rules import Secret

# A P-256 signature in DER is at most 72 bytes.
_LONGEST_SIGNATURE = 72


def is_signed(key: ec.EllipticCurvePublicKey, signature: bytes, body: bytes) -> bool:
    """Tell whether ``signature`` (DER) is ``key``'s over exactly these bytes."""
    try:
        key.verify(signature, body, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def is_hub_signed(secrets: Sequence[Secret], signature: bytes, body: bytes) -> bool:
    """Tell whether ``signature`` is the HMAC of these bytes under one of the secrets.

    Several secrets are how one is replaced without losing a delivery.
    """
    digests = [hmac.digest(secret.reveal().encode(), body, "sha256") for secret in secrets]
    return any(hmac.compare_digest(digest, signature) for digest in digests)


def decode_signature(text: str) -> bytes | None:
    """Decode the signature header, or None when it is no canonical base64 of a sane length.

    What is inside is left to the verification: bytes that are no DER are a wrong
    signature, not a malformed header.
    """
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if not 0 < len(signature) <= _LONGEST_SIGNATURE:
        return None
    canonical = base64.b64encode(signature).decode("ascii")
    return signature if canonical == text else None


def load_key(pem: str) -> ec.EllipticCurvePublicKey | None:
    """Read a PEM public key, or None when it is not an ECDSA key on P-256."""
    try:
        key = load_pem_public_key(pem.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    return None


def key_identifier(pem: str) -> str:
    """The identifier a PEM ought to be listed under: its SHA-256, trailing newline included."""
    return hashlib.sha256(pem.encode("utf-8")).hexdigest()
