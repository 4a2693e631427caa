"""Show that a secret is there without showing it."""

import re

from keyfuse_rules.keyformat import ID_LENGTH, MARKER, TAIL_LENGTH
from keyfuse_rules.model import OWN_FAMILY, Rule

_ELLIPSIS = "…"
_SHOWN = 4
_SHORTEST_SHOWN = 16

# Cuts truncated keys, too: eleven characters after the marker are the id and a piece of the secret.
_KEY_LIKE = f"({MARKER}[0-9A-Za-z]{{{ID_LENGTH}}})[0-9A-Za-z]+"


def redact(rule: Rule, secret: str) -> str:
    """Return what a report may show of a secret.

    Of our own keys that is prefix, marker and id, which are public; of others the first four
    characters, by which their format is recognised; of guessable and short ones nothing.
    """
    if rule.family == OWN_FAMILY:
        return secret[: ID_LENGTH - TAIL_LENGTH] + _ELLIPSIS
    if rule.guessable or len(secret) < _SHORTEST_SHOWN:
        return _ELLIPSIS
    return secret[:_SHOWN] + _ELLIPSIS


def scrub(text: str) -> str:
    """Return `text` with the secret part of every key-like run cut out; for logs and errors."""
    return re.sub(_KEY_LIKE, rf"\1{_ELLIPSIS}", text) if MARKER in text else text
