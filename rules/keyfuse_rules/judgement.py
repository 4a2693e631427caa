"""What becomes of a match: shown, or only with `--all`, and how bad it is. Pure."""

from typing import NamedTuple, Protocol

from keyfuse_rules.model import Checksum, Rule, Severity


class Judged(Protocol):
    """What a verdict is made of: a `Match`, or what became of it."""

    @property
    def rule(self) -> Rule:
        """The rule that recognises it."""

    @property
    def checksum(self) -> Checksum:
        """What the rule's checksum says."""

    @property
    def reason(self) -> str | None:
        """Why it is no secret, as far as its bytes and their line tell."""


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


def judge(match: Judged, path: bytes | None = None) -> Judgement:
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


def may_be_shown(match: Judged) -> bool:
    """Tell whether some path exists at which a match is shown without `--all`."""
    return match.reason is None and not (match.checksum == "invalid" and is_proven(match.rule))


def is_proven(rule: Rule) -> bool:
    """Tell whether a wrong checksum is enough to say that a match of this rule is no secret."""
    from keyfuse_rules.checksums import FAMILIES

    return rule.checksum is not None and FAMILIES[rule.checksum].proven


def _path_reason(rule: Rule, path: bytes | None) -> str | None:
    """Return what speaks against a place; an expression that takes too long says nothing."""
    if rule.paths and (path is None or not _holds(rule, rule.paths, path, late=True)):
        return "stands where its rule does not look"
    if path is not None and any(
        _holds(rule, pattern, path, late=False) for allow in rule.allows for pattern in allow.paths
    ):
        return "stands where its rule allows it"
    return None


def _holds(rule: Rule, pattern: str, path: bytes, *, late: bool) -> bool:
    from keyfuse_rules.expressions import holds

    try:
        return holds(pattern, path, bounded=rule.bounded)
    except TimeoutError:
        return late
