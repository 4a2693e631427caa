"""What each setting of the scan policy may be. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from keyfuse_rules.model import RULE_SETS, Severity

# Other scanners whose comments may be honoured.
OTHERS = ("betterleaks", "detect-secrets", "gitleaks", "trufflehog")
_NAMED = ("paths", "rules", "fingerprints")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class WrongSetting(ValueError):
    """A setting has a value that it cannot have; the message says what it may be."""


class Ignore(NamedTuple):
    """Findings that do not count: those for which everything that is named here holds.

    Attributes:
        paths: Globs, one of which fits the path.
        rules: Globs, one of which fits the rule.
        fingerprints: One of which is the finding's.
        reason: For people.
    """

    paths: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    reason: str = ""


def parse_size(text: str) -> int:
    """Return a number of bytes: `500000`, `512k`, `10m`, `1g`, with or without a `b` or `B`.

    Raises:
        ValueError: the text is none of these.
    """
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:] in {"k", "m", "g"} else ""
    digits = number.removesuffix(unit).strip()
    if not (digits.isascii() and digits.isdigit()):
        raise WrongSetting(f"{text!r} is no size; write bytes, or 512k, 10m, 1g")
    return int(digits) * _UNITS[unit]


def parse_severity(text: str) -> Severity:
    """Return the severity of that name.

    Raises:
        ValueError: there is none.
    """
    for severity in Severity:
        if severity.label == text:
            return severity
    labels = ", ".join(severity.label for severity in reversed(Severity))
    raise WrongSetting(f"{text!r} is no severity; there are {labels}")


def _list_of(what: str) -> Callable[[object], tuple[str, ...]]:
    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise WrongSetting(f"must be a list of {what}")
        return tuple(value)

    return parse


def _tables(value: object) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise WrongSetting("must be tables, [[rules]]")
    return tuple(value)


def _rule_set(value: object) -> str:
    if value not in RULE_SETS:
        raise WrongSetting(f"{value!r} is no set of rules; there are {', '.join(RULE_SETS)}")
    return str(value)


def _file(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise WrongSetting("must be the name of a file")
    return value


def _honour(value: object) -> tuple[str, ...]:
    names = _list_of("scanners")(value)
    for name in names:
        if name not in OTHERS:
            raise WrongSetting(f"{name!r} is not one of {', '.join(OTHERS)}")
    return names


def _ignores(value: object) -> tuple[Ignore, ...]:
    if not isinstance(value, list):
        raise WrongSetting('must be a list of paths, or of tables such as {paths = ["tests/"]}')
    return tuple(_ignore(item) for item in value)


def _ignore(item: object) -> Ignore:
    if isinstance(item, str):
        return Ignore(paths=_globs([item]))
    if not isinstance(item, Mapping):
        raise WrongSetting('each must be a path, or a table such as {paths = ["tests/"]}')
    unknown = sorted(item.keys() - set(Ignore._fields))
    if unknown:
        raise WrongSetting(f"{unknown[0]!r} is none of {', '.join(Ignore._fields)}")
    reason = item.get("reason", "")
    if not isinstance(reason, str):
        raise WrongSetting("reason must be text")
    named = {name: _list_of(name)(item[name]) for name in _NAMED if name in item}
    _globs(named.get("paths", ()))
    if not any(named.values()):
        raise WrongSetting("an entry must name paths, rules or fingerprints")
    return Ignore(**named, reason=reason)


def _globs(patterns: Sequence[str]) -> tuple[str, ...]:
    for pattern in patterns:
        if pattern.startswith("!"):
            raise WrongSetting(f"{pattern!r}: nothing is taken back here; name what is ignored")
    return tuple(patterns)


FIELDS: dict[str, Callable[[object], Any]] = {
    "only": _list_of("rule ids"),
    "fail_on": lambda value: parse_severity(str(value)),
    "max_file_size": lambda value: parse_size(str(value)),
    "rules": _tables,
    "rule_files": _list_of("files and folders"),
    "rule_set": _rule_set,
    "disabled": _list_of("rule ids"),
    "ignores": _ignores,
    "ignore_file": _file,
    "baseline": _file,
    "honour": _honour,
}
