"""Named checks: pure functions that tell why something that looks like a secret is none.

A rule names its checks, with an argument after a colon (`entropy:3.2`). A check returns the reason
for which it objects, in words for a report, or None. The secret itself is never in the reason.
"""

from collections.abc import Callable

from keyfuse_rules import looks, structures

Check = Callable[[bytes, str], str | None]


def judge(names: tuple[str, ...], secret: bytes, head: int = 0) -> str | None:
    """Return the reason of the first check that objects, or None.

    Args:
        names: Checks of a rule, with their arguments.
        secret: The whole secret.
        head: How many bytes at its start every secret of the rule has; what asks for the look of
            random characters leaves them out.
    """
    for name in names:
        check, _, argument = name.partition(":")
        reason = CHECKS[check](secret[head:] if check in _OF_RANDOM else secret, argument)
        if reason is not None:
            return reason
    return None


def without(secret: bytes, start: str) -> str | None:
    """Object to what begins like another rule's secret."""
    return "is for another rule to judge" if secret.startswith(start.encode()) else None


def without_inside(secret: bytes, part: str) -> str | None:
    """Object to what holds the sign of another rule's secret."""
    return "is for another rule to judge" if part.encode() in secret else None


NUMBERED = frozenset(("entropy",))
_OF_RANDOM = frozenset(("entropy", "mixed", "both-cases"))

CHECKS: dict[str, Check] = {
    "placeholder": looks.placeholder,
    "known-example": looks.known_example,
    "entropy": looks.entropy,
    "mixed": looks.mixed,
    "both-cases": looks.both_cases,
    "literal": looks.literal,
    "human": looks.human,
    "not": without,
    "not-inside": without_inside,
    "jwt": structures.jwt,
    "base64-basic": structures.base64_basic,
    "macaroon": structures.macaroon,
    "pem": structures.pem,
    "json": structures.json_object,
    "bech32": structures.bech32,
}
