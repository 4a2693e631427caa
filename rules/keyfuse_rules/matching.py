"""Bytes to matches: find the candidates of every rule and judge them. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_rules.keyfinding import CANDIDATE_LIMIT, find_keys
from keyfuse_rules.model import OWN_RULE, Allow, Checksum, Match, Matches, Rule

if TYPE_CHECKING:
    import regex

# A secret longer than this is cut off by no provider we know; a bound keeps hostile input cheap.
_WINDOW = 8_192
_TIMEOUT_SECONDS = 1.0
_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")


class _Found(NamedTuple):
    matches: list[Match]
    complete: bool


class Matcher:
    """All rules of a scan, ready to be run over one object after the other.

    The pattern engine is loaded when the first literal of a rule is met: most objects, and most
    runs of the hook, meet none.
    """

    def __init__(self, rules: Sequence[Rule], *, candidate_limit: int = CANDIDATE_LIMIT) -> None:
        self._own = next((rule for rule in rules if rule.rule_id == OWN_RULE), None)
        self._others = [rule for rule in rules if rule.rule_id != OWN_RULE]
        self._limit = candidate_limit
        self._patterns: dict[str, regex.Pattern[bytes]] = {}

    def matches(self, data: bytes) -> Matches:
        """Return every match in one object, by position."""
        found = [self._match_rule(rule, data) for rule in self._others]
        if self._own is not None:
            found.append(self._match_own(self._own, data))
        items = [match for part in found for match in part.matches]
        items.sort(key=lambda match: (match.start, match.rule.rule_id))
        return Matches(items, complete=all(part.complete for part in found))

    def _match_own(self, rule: Rule, data: bytes) -> _Found:
        keys, complete = find_keys(data, self._limit)
        return _Found(
            [
                Match(rule, key.start, key.end, "valid" if key.valid else "invalid", key.key_id)
                for key in keys
            ],
            complete,
        )

    def _match_rule(self, rule: Rule, data: bytes) -> _Found:
        if not rule.literals:
            return self._search_rule(rule, data)
        matches: list[Match] = []
        position = -1
        for count, hit in enumerate(_hits(data, rule.literals)):
            if count >= self._limit:
                return _Found(matches, complete=False)
            if hit < position:
                continue  # inside the previous match of this rule
            try:
                match = self._confirm_around(rule, data, hit, position)
            except TimeoutError:
                return _Found(matches, complete=False)
            if match is not None:
                matches.append(match)
                position = match.end
        return _Found(matches, complete=True)

    def _search_rule(self, rule: Rule, data: bytes) -> _Found:
        """Match a rule without a literal at its head, such as an imported one."""
        if rule.keywords and not any(keyword in data.lower() for keyword in rule.keywords):
            return _Found([], complete=True)
        matches: list[Match] = []
        try:
            for count, found in enumerate(
                self._pattern(rule).finditer(data, timeout=_TIMEOUT_SECONDS)
            ):
                if count >= self._limit:
                    return _Found(matches, complete=False)
                match = judge_found(rule, data, found)
                if match is not None:
                    matches.append(match)
        except TimeoutError:
            return _Found(matches, complete=False)
        return _Found(matches, complete=True)

    def _confirm_around(self, rule: Rule, data: bytes, hit: int, position: int) -> Match | None:
        """Match where a literal stands, or up to `lead` bytes before it."""
        for start in range(max(position, hit - rule.lead, 0), hit + 1):
            match = self._confirm(rule, data, start)
            if match is not None and match.end > hit:
                return match
        return None

    def _confirm(self, rule: Rule, data: bytes, hit: int) -> Match | None:
        end = min(len(data), hit + _WINDOW)
        found = self._pattern(rule).match(data, hit, end, timeout=_TIMEOUT_SECONDS)
        return None if found is None else judge_found(rule, data, found)

    def _pattern(self, rule: Rule) -> "regex.Pattern[bytes]":
        pattern = self._patterns.get(rule.rule_id)
        if pattern is None:
            import regex

            pattern = regex.compile(rule.expression.encode())
            self._patterns[rule.rule_id] = pattern
        return pattern


def judge_found(rule: Rule, data: bytes, found: "regex.Match[bytes]") -> Match | None:
    """Return what a rule makes of a place that its expression fits; None if it is no match.

    A valid checksum proves a secret: neither its surroundings nor its looks are asked then.
    """
    group: str | int = "secret" if "secret" in found.groupdict() else 0
    start, end = found.span(group)
    if start < 0:  # the group is in an alternative that was not taken
        start, end = found.span()
    secret = data[start:end]
    checksum = judge(rule, secret)
    if checksum == "valid":
        return Match(rule, start, end, checksum)
    if rule.boundary and _is_part_of_something(data, start, end):
        return None
    from keyfuse_rules import checks

    head = next((len(literal) for literal in rule.literals if secret.startswith(literal)), 0)
    reason = checks.judge(rule.checks, secret, head) or _allowed(rule.allows, data, found, secret)
    return Match(rule, start, end, checksum, reason=reason)


def judge(rule: Rule, secret: bytes) -> Checksum:
    """Return what a rule's checksum says about a secret."""
    if rule.checksum is None:
        return "none"
    from keyfuse_rules.checksums import FAMILIES

    return FAMILIES[rule.checksum].judge(secret)


def _allowed(
    allows: Sequence[Allow], data: bytes, found: "regex.Match[bytes]", secret: bytes
) -> str | None:
    for allow in allows:
        if allow.target == "line":
            line_start = data.rfind(b"\n", 0, found.start()) + 1
            line_end = data.find(b"\n", found.end())
            target = data[line_start : line_end if line_end >= 0 else len(data)][:_WINDOW]
        else:
            target = secret if allow.target == "secret" else found[0]
        lowered = secret.lower()
        if any(word.lower().encode() in lowered for word in allow.words) or _holds(
            allow.patterns, target
        ):
            return "is allowed by its rule"
    return None


def _holds(patterns: Sequence[str], target: bytes) -> bool:
    if not patterns:
        return False
    import regex

    return any(
        regex.search(pattern.encode(), target, timeout=_TIMEOUT_SECONDS) for pattern in patterns
    )


def _hits(data: bytes, literals: tuple[bytes, ...]) -> Iterator[int]:
    """Yield where any of the literals stands, in ascending order."""
    if len(literals) == 1:
        yield from _occurrences(data, literals[0])
        return
    present = [re.escape(literal) for literal in literals if literal in data]
    if present:
        yield from (hit.start() for hit in re.finditer(b"|".join(present), data))


def _occurrences(data: bytes, literal: bytes) -> Iterator[int]:
    hit = data.find(literal)
    while hit >= 0:
        yield hit
        hit = data.find(literal, hit + 1)


def _is_part_of_something(data: bytes, start: int, end: int) -> bool:
    before = start > 0 and data[start - 1] in _WORD and data[start] in _WORD
    after = end < len(data) and data[end] in _WORD and data[end : end + 1] != b"_"
    return before or after
