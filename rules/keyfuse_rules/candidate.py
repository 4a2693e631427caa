"""What a rule makes of a place that its expression fits: checksum, surroundings, looks. Pure."""

from typing import TYPE_CHECKING

from keyfuse_rules.model import Allow, Checksum, Match, Rule

if TYPE_CHECKING:
    from keyfuse_rules.expressions import Found

WINDOW = 8_192
"""Bytes looked at: no provider we know has longer secrets; it keeps hostile input cheap."""
_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")


def judge_found(rule: Rule, data: bytes, found: "Found") -> Match | None:
    """Return what a rule makes of a place that its expression fits; None if it is no match.

    A valid checksum proves a secret: neither its surroundings nor its looks are asked then.
    """
    group: str | int = "secret" if "secret" in found.groupdict() else 0
    start, end = found.span(group)
    if start < 0:  # the group is in an alternative that was not taken
        start, end = found.span()
    if start == end:
        return None
    secret = data[start:end]
    checksum = _judge_checksum(rule, secret)
    if checksum == "valid":
        return Match(rule, start, end, checksum)
    if rule.boundary and _is_part_of_something(data, start, end):
        return None
    from keyfuse_rules import checks

    head = next((len(literal) for literal in rule.literals if secret.startswith(literal)), 0)
    reason = checks.judge(rule.checks, secret, head) or _allowed(rule, data, found, secret)
    return Match(rule, start, end, checksum, reason=reason)


def _judge_checksum(rule: Rule, secret: bytes) -> Checksum:
    if rule.checksum is None:
        return "none"
    from keyfuse_rules.checksums import FAMILIES

    return FAMILIES[rule.checksum].judge(secret)


def _allowed(rule: Rule, data: bytes, found: "Found", secret: bytes) -> str | None:
    for allow in rule.allows:
        if allow.target == "line":
            line_start = data.rfind(b"\n", 0, found.start()) + 1
            most = line_start + WINDOW  # a line may be the whole object
            line_end = data.find(b"\n", found.end(), most)
            target = data[line_start : line_end if line_end >= 0 else most]
        else:
            target = secret if allow.target == "secret" else found[0]
        lowered = secret.lower()
        if any(word.lower().encode() in lowered for word in allow.words) or _holds(
            rule, allow, target
        ):
            return "is allowed by its rule"
    return None


def _holds(rule: Rule, allow: Allow, target: bytes) -> bool:
    if not allow.patterns:
        return False
    from keyfuse_rules.expressions import holds

    return any(holds(pattern, target, bounded=rule.bounded) for pattern in allow.patterns)


def _is_part_of_something(data: bytes, start: int, end: int) -> bool:
    before = start > 0 and data[start - 1] in _WORD and data[start] in _WORD
    after = end < len(data) and data[end] in _WORD and data[end : end + 1] != b"_"
    return before or after
