"""The values that flow through matching; read this first."""

from enum import IntEnum
from typing import Literal, NamedTuple

from keyfuse_rules.secret import Secret

OWN_RULE = "keyfuse-key"
OWN_FAMILY = "keyfuse"
DEFAULT_SET = "default"
RULE_SETS = (DEFAULT_SET, "generic")

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


class Allow(NamedTuple):
    """What a rule recognises and its author tolerates; each part is enough by itself.

    Attributes:
        patterns: Regular expressions that are searched for in the target.
        target: What they are searched in: the secret, the whole match, or its line.
        words: Words one of which stands in the secret, in any case.
        paths: Regular expressions that are searched for in the object's path.
    """

    patterns: tuple[str, ...] = ()
    target: Literal["secret", "match", "line"] = "secret"
    words: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Rule(NamedTuple):
    """How one kind of secret is recognised.

    The head of a match is `pattern`, small enough to be compiled with all others into one
    database; what may follow at length is `tail`, which is only looked at where the head stands.

    Attributes:
        rule_id: Stable name, such as `github-classic-token`.
        title: What it is, in words a developer knows.
        provider: Who issues it.
        family: Rules of one family give the same secret the same fingerprint.
        severity: How bad a leak is.
        literals: Byte strings of which one stands at the head of every match, or at most `lead`
            bytes into it. Empty where the pattern has no such head: it is then searched for in
            every object in which one of the `keywords` stands.
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
        checks: Names in `keyfuse_rules.checks.CHECKS`, with their argument after a colon; the
            first that objects judges the match out. Not asked where a checksum is valid.
        lead: How many bytes of a match may stand before the literal.
        tail: Regular expression that continues the pattern.
        keywords: For a rule without literals; compared in lower case.
        paths: Regular expression that the object's path must hold, if not empty.
        allows: What its author tolerates.
        rule_set: `default`, or the name under which it is asked for.
        revoke_steps: How its owner kills it, where one address does not say it.
        bounded: True for rules that come with keyfuse: their expressions need no time limit.
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
    checks: tuple[str, ...] = ("placeholder",)
    lead: int = 0
    tail: str = ""
    keywords: tuple[bytes, ...] = ()
    paths: str = ""
    allows: tuple[Allow, ...] = ()
    rule_set: str = "default"
    revoke_steps: str = ""
    bounded: bool = False

    @property
    def expression(self) -> str:
        """Return the whole regular expression, head and tail."""
        return self.pattern + self.tail

    @property
    def has_context(self) -> bool:
        """Tell whether its literals are names beside a secret and no part of it."""
        return "(?<secret>" in self.expression


class Match(NamedTuple):
    """One place in an object that a rule recognises; `data[start:end]` is the secret.

    Attributes:
        reason: Why it is judged not to be a secret, in words for `--all`; None where it is one.
        decoded: The encodings that hid it, outermost first; `data[start:end]` is then what hides
            it: the whole run where no reader sees the text in it, else the encoded secret.
        secret: The decoded secret, one character per byte (Latin-1); None where it stands plainly.
    """

    rule: Rule
    start: int
    end: int
    checksum: Checksum
    key_id: str | None = None
    reason: str | None = None
    decoded: tuple[str, ...] = ()
    secret: Secret | None = None


class Matches(NamedTuple):
    """All matches of one object, by position; `complete` is False where a limit cut the search."""

    items: list[Match]
    complete: bool
