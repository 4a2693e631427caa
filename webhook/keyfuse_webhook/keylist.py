"""The list of signing keys an origin publishes, read from its JSON; no I/O.

Protocol: `GET https://api.github.com/meta/public_keys/secret_scanning` answers
`{"public_keys": [{"key_identifier", "key" (PEM), "is_current"}]}`. Several keys at
once are the normal state, and `is_current` does not matter for verification.
"""

import json
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.signatures import key_identifier, load_key


class BadKeyList(WebhookError):
    """What the key endpoint answered is no list of keys."""


class KeyList(NamedTuple):
    """The usable keys of a list, and what was odd about it.

    Attributes:
        keys: Public key by the identifier it is listed under.
        unusable: Identifiers whose key is no ECDSA P-256 key.
        misnamed: Identifiers that are not the SHA-256 of their PEM; still usable.
    """

    keys: dict[str, EllipticCurvePublicKey]
    unusable: tuple[str, ...]
    misnamed: tuple[str, ...]


def read_key_list(body: bytes) -> KeyList:
    """Read a key list; an odd entry never costs the others theirs.

    Raises:
        BadKeyList: Not JSON, not of the documented shape, or without one usable key.
    """
    keys: dict[str, EllipticCurvePublicKey] = {}
    unusable: list[str] = []
    misnamed: list[str] = []
    for identifier, pem in _entries(body):
        key = load_key(pem)
        if key is None:
            unusable.append(identifier)
            continue
        keys[identifier] = key
        if key_identifier(pem) != identifier:
            misnamed.append(identifier)
    if not keys:
        raise BadKeyList("the key endpoint's list holds no usable ECDSA P-256 key")
    return KeyList(keys, tuple(unusable), tuple(misnamed))


def _entries(body: bytes) -> list[tuple[str, str]]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise BadKeyList("the key endpoint did not answer with JSON") from None
    entries = document.get("public_keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise BadKeyList("the key endpoint's answer has no list `public_keys`")
    return [
        (entry["key_identifier"], entry["key"])
        for entry in entries
        if isinstance(entry, dict)
        and isinstance(entry.get("key_identifier"), str)
        and isinstance(entry.get("key"), str)
    ]
