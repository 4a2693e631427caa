"""The values that flow through matching; read this first."""

from enum import IntEnum
from typing import Literal, NamedTuple

OWN_RULE = "keyfuse-key"
OWN_FAMILY = "keyfuse"

Checksum = Literal["valid", "invalid", "none"]
"""`none` where the format has no checksum, or this form of it has none that is known."""


class Severity(IntEnum):
    """How bad a leak of this kind is, in ascending order so that thresholds compare."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """Return the lower-case word that reports and rule files use."""
        return self.name.lower()


class Rule(NamedTuple):
    """How one kind of secret is recognised.

    Attributes:
        rule_id: Stable name, such as `github-classic-token`.
        title: What it is, in words a developer knows.
        provider: Who issues it.
        family: Rules of one family give the same secret the same fingerprint.
        severity: How bad a leak is.
        literals: Byte strings of which one stands at the head of every match.
        pattern: Regular expression, anchored at the literal; its group `secret`, or the whole
            match where there is none, is the secret. Empty for the rule of our own format.
        checksum: Name in `keyfuse_rules.checksums.FAMILIES`, or None.
        boundary: True where a letter, digit or `_` before the match, or a letter or digit after
            it, means that it is part of something else. Not asked where a checksum is valid.
        guessable: True where the secret may be a human's choice: nothing of it is shown and its
            fingerprint is slow.
        revoke_url: Where its owner kills it.
        documentation: Where the provider describes the format.
        matches: Recipes of lines that must match (see `keyfuse_rules.recipes`).
        ignores: Recipes of lines that must not.
    """

    rule_id: str
    title: str
    provider: str
    family: str
    severity: Severity
    literals: tuple[bytes, ...]
    pattern: str
    checksum: str | None = None
    boundary: bool = True
    guessable: bool = False
    revoke_url: str = ""
    documentation: str = ""
    matches: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()


class Match(NamedTuple):
    """One place in an object that a rule recognises; `data[start:end]` is the secret."""

    rule: Rule
    start: int
    end: int
    checksum: Checksum
    key_id: str | None = None


class Matches(NamedTuple):
    """All matches of one object, by position; `complete` is False where a limit cut the search."""

    items: list[Match]
    complete: bool
