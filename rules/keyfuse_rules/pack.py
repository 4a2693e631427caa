"""The rule pack: our own rule, and the providers' rules read from data files."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from keyfuse_rules.checksums import FAMILIES
from keyfuse_rules.errors import RulesError
from keyfuse_rules.keyformat import MARKER
from keyfuse_rules.model import OWN_FAMILY, OWN_RULE, Rule, Severity

OWN = Rule(
    rule_id=OWN_RULE,
    title="keyfuse API key",
    provider="keyfuse",
    family=OWN_FAMILY,
    severity=Severity.CRITICAL,
    literals=(MARKER.encode(),),
    pattern="",
    checksum="keyfuse",
    boundary=False,
    documentation="docs/key-format.md",
    matches=("key = <key:acme_live>", "FOO_<key:acme_live>_suffix", "u003d<key:acme_pk_live>x"),
    ignores=("key = <badkey:acme_live>", "_kf1<base62:48>"),
)

_FIELDS: dict[str, type] = {
    "id": str,
    "title": str,
    "family": str,
    "severity": str,
    "literals": list,
    "pattern": str,
    "checksum": str,
    "boundary": bool,
    "guessable": bool,
    "revoke_url": str,
    "documentation": str,
    "matches": list,
    "ignores": list,
}
_REQUIRED = ("id", "title", "severity", "literals", "pattern")


class InvalidRule(RulesError):
    """A rule file is wrong; the message names the file, the rule and the field."""


@cache
def default_rules() -> tuple[Rule, ...]:
    """Return our own rule and those of every provider file, ours first, then by id."""
    files = (entry for entry in resources.files("keyfuse_rules").joinpath("providers").iterdir())
    rules = [
        rule
        for entry in files
        if entry.name.endswith(".toml")
        for rule in parse_rules(tomllib.loads(entry.read_text("utf-8")), entry.name)
    ]
    rules.sort(key=lambda rule: rule.rule_id)
    _refuse_duplicates(rules)
    return (OWN, *rules)


def parse_rules(document: Mapping[str, Any], name: str) -> list[Rule]:
    """Return the rules of one parsed rule file.

    Args:
        document: The TOML document: `provider` and an array of tables `rules`.
        name: The file's name, for messages.

    Raises:
        InvalidRule: A field is missing, unknown, of the wrong type or of a wrong value.
    """
    provider = document.get("provider")
    tables = document.get("rules")
    if not isinstance(provider, str) or not isinstance(tables, list):
        raise InvalidRule(f'{name}: needs `provider = "…"` and [[rules]]')
    return [_parse_rule(table, provider, name) for table in tables]


def _parse_rule(table: Mapping[str, Any], provider: str, name: str) -> Rule:
    where = f"{name}: rule {table.get('id', '(no id)')}"
    _check_fields(table, where)
    try:
        severity = Severity[table["severity"].upper()]
    except KeyError:
        raise InvalidRule(f"{where}: severity is critical, high, medium or low") from None
    if table.get("checksum") not in {None, *FAMILIES}:
        raise InvalidRule(f"{where}: unknown checksum; known are {', '.join(FAMILIES)}")
    return Rule(
        rule_id=table["id"],
        title=table["title"],
        provider=provider,
        family=table.get("family", table["id"]),
        severity=severity,
        literals=tuple(literal.encode() for literal in table["literals"]),
        pattern=table["pattern"],
        checksum=table.get("checksum"),
        boundary=table.get("boundary", True),
        guessable=table.get("guessable", False),
        revoke_url=table.get("revoke_url", ""),
        documentation=table.get("documentation", ""),
        matches=tuple(table.get("matches", ())),
        ignores=tuple(table.get("ignores", ())),
    )


def _check_fields(table: Mapping[str, Any], where: str) -> None:
    for field, value in table.items():
        expected = _FIELDS.get(field)
        if expected is None:
            raise InvalidRule(f"{where}: unknown field {field!r}")
        if not isinstance(value, expected):
            raise InvalidRule(f"{where}: {field} must be of type {expected.__name__}")
        if isinstance(value, list) and not all(isinstance(item, str) and item for item in value):
            raise InvalidRule(f"{where}: {field} must hold non-empty strings")
    for field in _REQUIRED:
        if not table.get(field):
            raise InvalidRule(f"{where}: {field} is missing")


def _refuse_duplicates(rules: Iterable[Rule]) -> None:
    seen: set[str] = {OWN_RULE}
    for rule in rules:
        if rule.rule_id in seen:
            raise InvalidRule(f"rule {rule.rule_id}: the id is used twice")
        seen.add(rule.rule_id)
