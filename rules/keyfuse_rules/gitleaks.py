"""A gitleaks configuration to rules of ours, and word of what could not be said. Pure.

Source: the configuration section of gitleaks' README and its default `gitleaks.toml`, version 8.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from keyfuse_rules.goregex import Translated, Untranslatable, translate
from keyfuse_rules.model import Allow, Rule, Severity
from keyfuse_rules.rulefile import InvalidRule

_TARGETS: dict[str, Literal["secret", "match", "line"]] = {
    "": "secret",
    "secret": "secret",
    "match": "match",
    "line": "line",
}
PROVIDER = "imported from gitleaks"
_TEXTS = frozenset(("keywords", "regexes", "paths", "stopwords", "commits", "targetRules"))
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "description", "regex", "path", "regexTarget", "condition"), (str,)),
    **dict.fromkeys((*_TEXTS, "allowlists"), (list,)),
    **dict.fromkeys(("allowlist", "extend"), (dict,)),
    "secretGroup": (int,),
    "entropy": (float, int),
}


class Imported(NamedTuple):
    """What came of a configuration.

    Attributes:
        rules: In the order of the configuration.
        notes: One line for everything that has no counterpart, beginning with the rule's id.
        left_out: Ids of rules that could not be translated at all.
    """

    rules: tuple[Rule, ...]
    notes: tuple[str, ...]
    left_out: tuple[str, ...]


def convert(text: str, name: str) -> Imported:
    """Return the rules of a gitleaks configuration.

    Args:
        text: The TOML document.
        name: The file's name, for messages.

    Raises:
        InvalidRule: It is no TOML, or no gitleaks configuration.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRule(f"{name}: is no TOML: {error}") from error
    except RecursionError:
        raise InvalidRule(f"{name}: is nested too deeply") from None
    tables = document.get("rules", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidRule(f"{name}: rules must be tables, [[rules]]")
    _check_types(document, name)
    for table in tables:
        _check_types(table, f"{name}: rule {table.get('id', '(no id)')}")
    notes = [*_document_notes(document)]
    everywhere = [*_allows(document, "all rules", notes)]
    rules, left_out = [], []
    for table in tables:
        rule_id = str(table.get("id", "(no id)"))
        try:
            rules.append(_rule(table, rule_id, everywhere, notes))
        except Untranslatable as error:
            notes.append(f"{rule_id}: left out: {error}")
            left_out.append(rule_id)
    return Imported(tuple(rules), tuple(notes), tuple(left_out))


def _check_types(table: Mapping[str, Any], where: str) -> None:
    for field, value in table.items():
        expected = _TYPES.get(field)
        if expected is None:
            continue
        if not isinstance(value, expected):
            raise InvalidRule(f"{where}: {field} must be of type {expected[0].__name__}")
        if isinstance(value, list) and field in _TEXTS and not _are_texts(value):
            raise InvalidRule(f"{where}: {field} must hold strings")
    nested = [table["allowlist"]] if "allowlist" in table else []
    for entry in [*nested, *table.get("allowlists", ())]:
        if not isinstance(entry, dict):
            raise InvalidRule(f"{where}: allowlists must be tables")
        _check_types(entry, f"{where}: allowlists")


def _are_texts(items: list[object]) -> bool:
    return all(isinstance(item, str) for item in items)


def _document_notes(document: Mapping[str, Any]) -> Iterator[str]:
    extend = document.get("extend", {})
    if extend.get("useDefault"):
        yield "extend.useDefault: gitleaks' own rules are in its own file; import that, too"
    if extend.get("path"):
        yield f"extend.path: import {extend['path']}, too"
    if extend.get("disabledRules"):
        yield "extend.disabledRules: write these ids into `disabled` of a rule file"


def _rule(
    table: Mapping[str, Any],
    rule_id: str,
    everywhere: list[tuple[Allow, frozenset[str]]],
    notes: list[str],
) -> Rule:
    if not table.get("regex"):
        raise Untranslatable("it has no regex, only a path: rules of ours look into objects")
    wanted = table.get("secretGroup", 0) or 1
    expression = translate(table["regex"], wanted)
    if expression.groups > 1 and not table.get("secretGroup"):
        notes.append(f"{rule_id}: the secret is its first group, even where that stays empty")
    own = [allow for allow, _ in _allows(table, rule_id, notes)]
    shared = [allow for allow, targets in everywhere if not targets or rule_id in targets]
    _verify(expression)
    return Rule(
        rule_id=rule_id,
        title=" ".join((table.get("description") or rule_id).split()),
        provider=PROVIDER,
        family=rule_id,
        severity=Severity.HIGH,
        literals=(),
        pattern=expression.pattern,
        checks=(f"entropy:{table['entropy']}",) if table.get("entropy") else (),
        boundary=False,
        keywords=tuple(word.lower().encode() for word in table.get("keywords", ())),
        paths=translate(table["path"], 0).pattern if table.get("path") else "",
        allows=tuple(own + shared),
    )


def _verify(expression: Translated) -> None:
    import regex

    try:
        regex.compile(expression.pattern.encode())
    except regex.error as error:
        raise Untranslatable(f"its regex does not compile: {error}") from error


def _allows(
    table: Mapping[str, Any], where: str, notes: list[str]
) -> Iterator[tuple[Allow, frozenset[str]]]:
    """Yield the allow-lists of a rule, or of all rules, and the rules they are for."""
    single = [table["allowlist"]] if "allowlist" in table else []
    for entry in [*single, *table.get("allowlists", ())]:
        parts = [part for part in ("regexes", "paths", "stopwords", "commits") if entry.get(part)]
        if str(entry.get("condition", "OR")).upper() in {"AND", "&&"} and len(parts) > 1:
            notes.append(f"{where}: an allow-list whose {' and '.join(parts)} must all hold")
            continue
        if "commits" in parts:
            notes.append(f"{where}: allowed commits; a baseline takes their place")
        try:
            yield _allow(entry), frozenset(entry.get("targetRules", ()))
        except Untranslatable as error:
            notes.append(f"{where}: an allow-list: {error}")


def _allow(entry: Mapping[str, Any]) -> Allow:
    target = _TARGETS.get(entry.get("regexTarget", ""))
    if target is None:
        raise Untranslatable(f"its target {entry['regexTarget']!r} is unknown")
    return Allow(
        patterns=tuple(translate(pattern, 0).pattern for pattern in entry.get("regexes", ())),
        target=target,
        words=tuple(entry.get("stopwords", ())),
        paths=tuple(translate(pattern, 0).pattern for pattern in entry.get("paths", ())),
    )
