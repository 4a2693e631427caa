"""How keys from before keyfuse are looked for: by the pattern that their key type declares.

Whatever it finds is proven by its hash afterwards, so a pattern that fits too much costs time and
kills nothing.
"""

import re
from collections.abc import Iterable

from keyfuse_rules.model import Rule, Severity
from keyfuse_store.keytypes import KeyType

ID = "keyfuse-legacy-"
"""Begins the id of each of these rules."""

_LEAD = re.compile(r"(?:[A-Za-z0-9_-]|\\[._-])+")
_REPEATS = ("?", "*", "{")


def legacy_rules(types: Iterable[KeyType]) -> list[Rule]:
    """A rule for each key type that had keys before keyfuse."""
    return [_rule(kind.prefix, kind.legacy.pattern) for kind in types if kind.legacy is not None]


def _rule(prefix: str, declared: str) -> Rule:
    # It was written to match a whole key; here it has to be found in the middle of things.
    pattern = declared.removeprefix("^").removesuffix("$")
    lead = _lead(pattern)
    return Rule(
        rule_id=ID + prefix,
        title=f"API key of {prefix} from before keyfuse",
        provider="keyfuse",
        family=ID + prefix,
        severity=Severity.CRITICAL,
        # Without a literal the pattern is searched for everywhere.
        literals=(lead.encode(),) if lead else (),
        pattern=pattern,
        boundary=False,
        checks=(),
    )


def _lead(pattern: str) -> str:
    """The text that every match begins with, as far as it can be read off."""
    found = _LEAD.match(pattern)
    if found is None or "|" in pattern:
        return ""
    lead = found[0].replace("\\", "")
    # The last letter may be the one that is repeated, or left out.
    return lead[:-1] if pattern[found.end() :].startswith(_REPEATS) else lead
