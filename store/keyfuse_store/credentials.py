"""Find the API key in an HTTP request: in one place, once, and never in the URL.

A key comes as `Authorization: Bearer KEY` (RFC 6750), as `X-API-Key: KEY`, or in one more header
of the API's own choice. Where a request names two, one program may look at the first and the next
at the second: it is refused. A key in the URL stands in logs and histories: it is refused too, so
that whoever writes the client notices on the first day.
"""

from collections.abc import Iterable
from enum import Enum
from urllib.parse import unquote_to_bytes

from keyfuse_rules.keyfinding import find_keys
from keyfuse_rules.keyformat import MARKER

API_KEY_HEADER = "X-API-Key"

# RFC 6750 section 2.3, and what people call it otherwise.
_URL_NAMES = frozenset({b"access_token", b"api_key", b"apikey", b"x_api_key"})
_IN_URL_MAX = 20
_WHITE = b" \t"

Header = tuple[bytes, bytes]


class Misplaced(Enum):
    """Why a key is not looked at; the value is a sentence for people."""

    SEVERAL = "Send the API key once and in one header."
    IN_URL = "Send the API key in a header; what stands in a URL stands in logs."


def header_name(name: str) -> bytes:
    """A header to look into, as it is compared.

    Raises:
        ValueError: it is no name of a header, or one that is looked into differently.
    """
    text = name.lower()
    if text == "authorization" or not text.isascii() or not text.replace("-", "").isalnum():
        raise ValueError(f"header: {name!r} cannot carry an API key; name one like X-Acme-Key")
    return text.encode()


def find_token(
    headers: Iterable[Header], names: Iterable[bytes], urls: Iterable[bytes]
) -> str | Misplaced | None:
    """The one key of a request, why it is not taken, or None where there is none.

    What is found need not be a key; verification tells. White space around it does not count.

    Args:
        headers: Every header, repeated ones as often as they came.
        names: Headers that hold a key and nothing else, in lower case.
        urls: Path and query, as they came.
    """
    if any(map(_holds_key, urls)):
        return Misplaced.IN_URL
    bare = frozenset(names)
    found: list[bytes] = []
    authorizations = 0
    for name, value in headers:
        lower = name.lower()
        if lower == b"authorization":
            authorizations += 1
            found += _bearer(value)
        elif lower in bare and value.strip(_WHITE):
            found.append(value.strip(_WHITE))
    # Repeated headers may have been joined with commas on their way.
    if len(found) > 1 or authorizations > 1 or any(b"," in token for token in found):
        return Misplaced.SEVERAL
    return found[0].decode("latin-1") if found else None


def _bearer(value: bytes) -> list[bytes]:
    """The token of a Bearer credential; other schemes are not ours to judge."""
    scheme, *rest = value.strip(_WHITE).replace(b"\t", b" ").split(b" ", 1)
    token = b"".join(rest).strip(_WHITE)
    return [token] if token and scheme.lower() == b"bearer" else []


def _holds_key(url: bytes) -> bool:
    plain = unquote_to_bytes(url)
    if MARKER.encode() in plain:
        found = find_keys(plain, _IN_URL_MAX)
        if not found.complete or any(key.valid for key in found.keys):
            return True
    parts = (part.partition(b"=") for part in url.partition(b"?")[2].split(b"&"))
    return any(value and _folded(name) in _URL_NAMES for name, _, value in parts)


def _folded(name: bytes) -> bytes:
    return unquote_to_bytes(name).lower().replace(b"-", b"_")
