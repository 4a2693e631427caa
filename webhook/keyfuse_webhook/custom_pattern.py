"""Our key format as a custom pattern of GitHub's secret scanning, in a repository or organisation.

https://docs.github.com/en/rest/secret-scanning/custom-patterns
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from keyfuse_rules.export import plain_regex
from keyfuse_rules.keyformat import MARKER, TAIL_PATTERN
from keyfuse_rules.prefixes import check_prefix
from keyfuse_webhook.github_api import Below

_MOST_PATTERNS = 1000
# GitHub's engine knows no look-arounds. What this takes too many, our own proof lets be.
_ANY_PREFIX = "[a-z][a-z0-9]*(_[a-z0-9]+)*"


class Pattern(NamedTuple):
    """What GitHub is to look for; before and after it, what GitHub takes by itself."""

    name: str
    regex: str


class Installed(NamedTuple):
    """How a pattern stands now.

    Attributes:
        change: What was done for it.
        state: GitHub's word: `unpublished` patterns raise no alerts yet.
    """

    pattern: Pattern
    change: Literal["created", "changed", "known"]
    state: str


def pattern(prefix: str | None) -> Pattern:
    """The pattern of one prefix, or of every key in our format.

    Raises:
        InvalidPrefix: No key can have this prefix.
    """
    if prefix is None:
        return Pattern("keyfuse API key", f"{_ANY_PREFIX}{MARKER}{TAIL_PATTERN}")
    check_prefix(prefix)
    return Pattern(f"keyfuse {prefix}", plain_regex(prefix))


def install(at: Below, wanted: Pattern) -> Installed:
    """Make the pattern, or change the one of its name; what is right already is left alone.

    Args:
        at: The custom patterns of a repository or organisation.
        wanted: The pattern.

    Raises:
        TryAgain: GitHub cannot be asked right now.
        ApiRefused: The token may not, or secret scanning is off there.
    """
    there = next((one for one in at.pages("", most=_MOST_PATTERNS) if _is(one, wanted)), None)
    if there is None:
        body = {"patterns": [{"name": wanted.name, "pattern": wanted.regex}]}
        made = at.call("POST", "", body)
        listed = made.get("created_patterns") if isinstance(made, dict) else None
        first = listed[0] if isinstance(listed, list) and listed else {}
        return Installed(wanted, "created", _state(first))
    if there.get("pattern") == wanted.regex:
        return Installed(wanted, "known", _state(there))
    version = there.get("custom_pattern_version")
    change = {"pattern": wanted.regex, "custom_pattern_version": version}
    changed = at.call("PATCH", f"/{int(there['id'])}", change)
    return Installed(wanted, "changed", _state(changed))


def _is(entry: Mapping[str, Any], wanted: Pattern) -> bool:
    return entry.get("name") == wanted.name and type(entry.get("id")) is int


def _state(entry: Any) -> str:
    told = entry.get("state") if isinstance(entry, dict) else None
    return told if told in {"published", "unpublished"} else "unpublished"
