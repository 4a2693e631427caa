"""One rule file: a parsed TOML document to rules. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from keyfuse_rules.checks import CHECKS, NUMBERED
from keyfuse_rules.checksums import FAMILIES
from keyfuse_rules.errors import RulesError
from keyfuse_rules.model import DEFAULT_SET, RULE_SETS, Allow, Rule, Severity

# What a rule file may say: the type of each field, and of the items of a list.
_FIELDS: dict[str, type] = {
    "id": str,
    "title": str,
    "family": str,
    "severity": str,
    "literals": list,
    "keywords": list,
    "lead": int,
    "pattern": str,
    "tail": str,
    "checksum": str,
    "checks": list,
    "boundary": bool,
    "guessable": bool,
    "paths": str,
    "allow": list,
    "rule_set": str,
    "revoke_url": str,
    "revoke_steps": str,
    "documentation": str,
    "matches": list,
    "ignores": list,
}
_ALLOW_FIELDS: dict[str, type] = {"patterns": list, "target": str, "words": list, "paths": list}
_ALLOW_TARGETS = ("secret", "match", "line")
# Fields whose attribute has another name.
_ATTRIBUTES = {"allow": "allows"}
_REQUIRED = ("id", "title", "severity", "pattern")
# Reports and terminals show these as they are.
_SHOWN = frozenset(("id", "title", "family", "revoke_url", "revoke_steps", "documentation"))

DEFAULT_CHECKS = ("placeholder",)

# Longer ones, larger counts and recursion cost more than a time limit for matching can stop.
_LONGEST_PATTERN = 8_192
_MOST_REPEATED = 20_000
_COUNTED = re.compile(r"\{(\d*),?(\d*)\}")
_RECURSION = re.compile(r"\(\?(?:R|[0-9]|[+-][0-9]|&|P>)")


class InvalidRule(RulesError):
    """A rule file is wrong; the message names the file, the rule and the field."""


def parse_rules(document: Mapping[str, Any], name: str, *, verify: bool = False) -> list[Rule]:
    """Return the rules of one parsed rule file.

    Args:
        document: The TOML document: `provider` and an array of tables `rules`.
        name: The file's name, for messages.
        verify: Compile the expressions, too, and limit their time; our own are held by tests.

    Raises:
        InvalidRule: A field is missing, unknown, of the wrong type or of a wrong value.
    """
    provider = document.get("provider")
    tables = document.get("rules")
    if not isinstance(provider, str) or not isinstance(tables, list):
        raise InvalidRule(f'{name}: needs `provider = "…"` and [[rules]]')
    return [parse_rule(table, provider, name, verify=verify) for table in tables]


def parse_rule(table: Mapping[str, Any], provider: str, name: str, *, verify: bool = False) -> Rule:
    """Return the rule of one table; see `parse_rules`."""
    where = f"{name}: rule {table.get('id', '(no id)')}"
    _check_fields(table, _FIELDS, where)
    if not provider.isprintable():
        raise InvalidRule(f"{name}: provider must be one line without control characters")
    for field in _REQUIRED:
        if not table.get(field):
            raise InvalidRule(f"{where}: {field} is missing")
    if not table.get("literals") and "keywords" not in table:
        raise InvalidRule(
            f"{where}: literals are missing (or keywords, for a pattern without; an empty list of "
            "them looks into everything, which is slow)"
        )
    rule = _rule(table, provider, where)
    if not verify:
        return rule._replace(bounded=True)
    _verify_expressions(rule, where)
    return rule


def changed_rule(rule: Rule, table: Mapping[str, Any], name: str) -> Rule:
    """Return a rule with the fields that a table names set anew.

    Raises:
        InvalidRule: A field is unknown, of the wrong type or of a wrong value.
    """
    where = f"{name}: rule {rule.rule_id}"
    _check_fields(table, _FIELDS, where)
    changed = _rule({"title": rule.title, "severity": rule.severity.label, **table}, "", where)
    fields = {_ATTRIBUTES.get(field, field) for field in table if field != "id"}
    new = rule._replace(**{field: getattr(changed, field) for field in fields}, bounded=False)
    _verify_expressions(new, where)
    return new


def _rule(table: Mapping[str, Any], provider: str, where: str) -> Rule:
    if table.get("rule_set", DEFAULT_SET) not in RULE_SETS:
        raise InvalidRule(f"{where}: rule_set is {' or '.join(RULE_SETS)}")
    if table.get("lead", 0) < 0:
        raise InvalidRule(f"{where}: lead must not be negative")
    if table.get("checksum") not in {None, *FAMILIES}:
        raise InvalidRule(f"{where}: unknown checksum; known are {', '.join(FAMILIES)}")
    return Rule(
        rule_id=table["id"],
        title=table["title"],
        provider=provider,
        family=table.get("family", table["id"]),
        severity=_severity(table["severity"], where),
        literals=_encoded(table.get("literals", ())),
        pattern=table.get("pattern", ""),
        checksum=table.get("checksum"),
        boundary=table.get("boundary", True),
        guessable=table.get("guessable", False),
        revoke_url=table.get("revoke_url", ""),
        documentation=table.get("documentation", ""),
        matches=tuple(table.get("matches", ())),
        ignores=tuple(table.get("ignores", ())),
        checks=_checks(table.get("checks", DEFAULT_CHECKS), where),
        lead=table.get("lead", 0),
        tail=table.get("tail", ""),
        keywords=_encoded(word.lower() for word in table.get("keywords", ())),
        paths=table.get("paths", ""),
        allows=tuple(_allow(entry, where) for entry in table.get("allow", ())),
        rule_set=table.get("rule_set", DEFAULT_SET),
        revoke_steps=table.get("revoke_steps", ""),
    )


def _check_fields(table: Mapping[str, Any], fields: Mapping[str, type], where: str) -> None:
    for field, value in table.items():
        expected = fields.get(field)
        if expected is None:
            raise InvalidRule(f"{where}: unknown field {field!r}")
        if type(value) is not expected:
            raise InvalidRule(f"{where}: {field} must be of type {expected.__name__}")
        if isinstance(value, list) and field != "allow" and not all(map(_is_text, value)):
            raise InvalidRule(f"{where}: {field} must hold non-empty strings")
        if field in _SHOWN and isinstance(value, str) and not value.isprintable():
            raise InvalidRule(f"{where}: {field} must be one line without control characters")


def _is_text(item: object) -> bool:
    return isinstance(item, str) and item != ""


def _encoded(words: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in words)


def _severity(word: str, where: str) -> Severity:
    try:
        return Severity[word.upper()]
    except KeyError:
        raise InvalidRule(f"{where}: severity is critical, high, medium or low") from None


def _checks(names: Iterable[str], where: str) -> tuple[str, ...]:
    for name in names:
        check, _, argument = name.partition(":")
        if check not in CHECKS:
            raise InvalidRule(f"{where}: unknown check {name!r}; known are {', '.join(CHECKS)}")
        if check in NUMBERED and not argument.replace(".", "", 1).isdecimal():
            raise InvalidRule(f"{where}: check {name!r} needs a number, as in {check}:3")
    return tuple(names)


def _allow(table: object, where: str) -> Allow:
    if not isinstance(table, dict):
        raise InvalidRule(f"{where}: allow must hold tables")
    _check_fields(table, _ALLOW_FIELDS, f"{where}: allow")
    target = table.get("target", "secret")
    if target not in _ALLOW_TARGETS:
        raise InvalidRule(f"{where}: allow: target is {', '.join(_ALLOW_TARGETS)}")
    return Allow(
        patterns=tuple(table.get("patterns", ())),
        target=target,
        words=tuple(table.get("words", ())),
        paths=tuple(table.get("paths", ())),
    )


def _verify_expressions(rule: Rule, where: str) -> None:
    import regex

    allowed = [pattern for allow in rule.allows for pattern in (*allow.patterns, *allow.paths)]
    for field, pattern in (
        ("pattern", rule.expression),
        ("paths", rule.paths),
        *(("allow", pattern) for pattern in allowed),
    ):
        _verify_bounds(pattern, f"{where}: {field}")
        try:
            regex.compile(pattern.encode())
        except regex.error as error:
            raise InvalidRule(f"{where}: {field} does not compile: {error}") from error
        except (RecursionError, MemoryError):
            raise InvalidRule(f"{where}: {field} does not compile: it is too deep") from None
    _verify_literals(rule, where)


def _verify_bounds(pattern: str, where: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        raise InvalidRule(f"{where} is longer than {_LONGEST_PATTERN} characters")
    if any(
        len(count) > len(str(_MOST_REPEATED)) or int(count or 0) > _MOST_REPEATED
        for found in _COUNTED.finditer(pattern)
        for count in found.groups()
    ):
        raise InvalidRule(f"{where} repeats something more than {_MOST_REPEATED} times")
    if _RECURSION.search(pattern):
        raise InvalidRule(f"{where} calls itself, which no time limit can stop")


def _verify_literals(rule: Rule, where: str) -> None:
    """Refuse a pattern that never begins with its literals: it would never be looked at."""
    import regex

    if not rule.pattern or rule.lead:
        return
    expression = regex.compile(rule.expression.encode())
    for literal in rule.literals:
        if expression.match(literal, partial=True) is None:
            raise InvalidRule(
                f"{where}: literals: no match of the pattern begins with {literal.decode()!r} "
                "(set lead, if it stands further in)"
            )
