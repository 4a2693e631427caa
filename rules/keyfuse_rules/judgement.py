"""What becomes of a match: shown, or only with `--all`, and how bad it is. Pure."""

import re
from typing import NamedTuple

from keyfuse_rules.model import Match, Rule, Severity


class Judgement(NamedTuple):
    """The verdict on one match.

    Attributes:
        shown: False where only `--all` shows it.
        severity: How bad it is; lower than its rule says where a checksum speaks against it.
        reason: Why it is not shown, or shown as less than its rule says; None otherwise.
    """

    shown: bool
    severity: Severity
    reason: str | None


def judge(match: Match, path: bytes | None = None) -> Judgement:
    """Return what becomes of a match.

    A wrong checksum silences a match only where the provider's own tokens prove the family and
    its form has not changed since; elsewhere it may be ours that is wrong, so it lowers the
    severity by one.

    Args:
        match: A match as `keyfuse_rules.matching` gives it.
        path: Raw bytes of the object's path, for rules that ask for it.
    """
    severity = match.rule.severity
    reason = match.reason or _path_reason(match.rule, path)
    if reason is not None:
        return Judgement(shown=False, severity=severity, reason=reason)
    if match.checksum != "invalid":
        return Judgement(shown=True, severity=severity, reason=None)
    if is_proven(match.rule):
        return Judgement(shown=False, severity=severity, reason="has a wrong checksum")
    lower = Severity(max(severity - 1, Severity.LOW))
    return Judgement(shown=True, severity=lower, reason="its checksum seems wrong")


def is_proven(rule: Rule) -> bool:
    """Tell whether a wrong checksum is enough to say that a match of this rule is no secret."""
    from keyfuse_rules.checksums import FAMILIES

    return rule.checksum is not None and FAMILIES[rule.checksum].proven


def _path_reason(rule: Rule, path: bytes | None) -> str | None:
    if rule.paths and (path is None or not re.search(rule.paths.encode(), path)):
        return "stands where its rule does not look"
    if path is not None and any(
        re.search(pattern.encode(), path) for allow in rule.allows for pattern in allow.paths
    ):
        return "stands where its rule allows it"
    return None
