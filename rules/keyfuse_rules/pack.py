"""The rule pack: our own rule, the providers' rules from data files, and users' own on top."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from keyfuse_rules.keyformat import MARKER
from keyfuse_rules.model import DEFAULT_SET, OWN_FAMILY, OWN_RULE, Rule, Severity
from keyfuse_rules.rulefile import InvalidRule, changed_rule, parse_rule, parse_rules

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
    revoke_steps="keyfuse keys revoke ID",
    documentation="docs/key-format.md",
    matches=("key = <key:acme_live>", "FOO_<key:acme_live>_suffix", "u003d<key:acme_pk_live>x"),
    ignores=("key = <badkey:acme_live>", "_kf1<base62:48>"),
)


@cache
def default_rules() -> tuple[Rule, ...]:
    """Return our own rule and those of every provider that are on by default, ours first."""
    return tuple(rule for rule in all_rules() if rule.rule_set == DEFAULT_SET)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return the rules of all rule sets: our own first, then by id."""
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


def load(paths: Iterable[Path], base: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return `base` as users' rule files change it, one after the other.

    Args:
        paths: TOML files, or folders of which every `.toml` file is read in the order of names.
        base: The rules that may be extended and switched off.

    Raises:
        InvalidRule: A file cannot be read or is wrong; the message names file, rule and field.
    """
    rules = tuple(base)
    for path in paths:
        for file in _files(path):
            rules = extend(rules, _read(file), str(file))
    return rules


def extend(base: Sequence[Rule], document: Mapping[str, Any], name: str) -> tuple[Rule, ...]:
    """Return `base` as one document changes it.

    A table in `rules` with the id of a rule that exists changes the fields it names; any other is
    a rule of its own. `disabled` is a list of ids that are switched off. `provider` says whose
    secrets new rules are about.

    Raises:
        InvalidRule: The document is wrong.
    """
    for field in document:
        if field not in {"provider", "rules", "disabled"}:
            raise InvalidRule(f"{name}: unknown field {field!r}; known: provider, rules, disabled")
    rules = {rule.rule_id: rule for rule in base}
    for table in _tables(document, name):
        rule_id = table.get("id")
        known = rules.get(rule_id) if isinstance(rule_id, str) else None
        if known is None:
            rule = parse_rule(table, document.get("provider", "own rules"), name, verify=True)
        else:
            rule = changed_rule(known, table, name)
        rules[rule.rule_id] = rule
    for rule_id in _disabled(document, rules, name):
        del rules[rule_id]
    return tuple(rules.values())


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.toml"))
    if not files:
        raise InvalidRule(f"{path}: holds no rule file, *.toml")
    return files


def _tables(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    tables = document.get("rules", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidRule(f"{name}: rules must be tables, [[rules]]")
    return tables


def _disabled(document: Mapping[str, Any], rules: Mapping[str, Rule], name: str) -> set[str]:
    disabled = document.get("disabled", [])
    if not isinstance(disabled, list) or not all(isinstance(entry, str) for entry in disabled):
        raise InvalidRule(f"{name}: disabled must be a list of rule ids")
    for rule_id in disabled:
        if rule_id not in rules:
            raise InvalidRule(f"{name}: disabled names {rule_id!r}, which is no rule")
    return set(disabled)


def _read(file: Path) -> dict[str, Any]:
    # What is no file may never end.
    if file.exists() and not file.is_file():
        raise InvalidRule(f"{file}: cannot be read: it is no regular file")
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRule(f"{file}: cannot be read: {error}") from error
    except RecursionError:
        raise InvalidRule(f"{file}: is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidRule(f"{file}: is no TOML: {error}") from error


def _refuse_duplicates(rules: Iterable[Rule]) -> None:
    seen: set[str] = {OWN_RULE}
    for rule in rules:
        if rule.rule_id in seen:
            raise InvalidRule(f"rule {rule.rule_id}: the id is used twice")
        seen.add(rule.rule_id)
