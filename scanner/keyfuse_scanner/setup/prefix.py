"""Which prefix to choose for keys, and why. Pure."""

import re

from keyfuse_rules.keyformat import MARKER
from keyfuse_rules.prefixes import PREFIX_MAX, InvalidPrefix, check_prefix

_SHORT = 3
_FALLBACK = "acme_live"


def suggest(name: str) -> str:
    """Return a prefix for the keys of a project of that name."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")
    prefix = f"{words}_live"
    try:
        check_prefix(prefix)
    except InvalidPrefix:
        return _FALLBACK
    return prefix


def explain() -> tuple[str, ...]:
    """Return what somebody should know who chooses."""
    return (
        "A key begins with a prefix of your choice: it says whose key it is, and what for.",
        "- One for each environment, such as acme_live and acme_test: then a leaked test key is",
        "  known for one.",
        f"- Segments of a-z and 0-9 joined by '_', {PREFIX_MAX} characters at most.",
        "- It must not begin like another provider's secrets: scanners would tell them, not you.",
        "- It may be known and guessed: the 32 random characters behind it hold 190 bits.",
        "- GitHub's partner programme takes patterns that fit nothing else: a prefix of your own,",
        "  randomness and a checksum. Keys have all three; `keyfuse rules export` has the text.",
    )


def judge(prefix: str) -> list[str]:
    """Return what there is to say of a prefix.

    Raises:
        InvalidPrefix: no key may carry it; the message says why.
    """
    check_prefix(prefix)
    issuer, *rest = prefix.split("_")
    said = [f"{prefix}: no known provider's secrets begin like {prefix}{MARKER}…"]
    if len(issuer) < _SHORT:
        said.append(f"'{issuer}' is short: somebody else may well choose it, too")
    if not rest:
        said.append(
            f"it names no environment: {prefix}_live and {prefix}_test would tell keys apart"
        )
    return said
