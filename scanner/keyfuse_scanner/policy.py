"""What a repository says about its own scans: `keyfuse.toml`, or `[tool.keyfuse]`.

Settings of the service do not belong there: whoever can push to a repository must not be able to
turn them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from keyfuse_rules.model import Severity
from keyfuse_scanner.errors import PolicyError
from keyfuse_scanner.printable import harmless

SERVICE_SETTINGS = frozenset(
    {
        "base_url",
        "database_url",
        "dry_run",
        "fallback_owner",
        "github_api_url",
        "github_app_id",
        "github_app_private_key",
        "github_app_private_key_file",
        "github_partner_keys_url",
        "github_server_url",
        "github_webhook_secrets",
        "github_webhook_secrets_file",
        "home",
        "key_types",
        "limits",
        "limits_fail",
        "mail_from",
        "max_body",
        "notify_webhook_secret",
        "notify_webhook_secret_file",
        "notify_webhook_url",
        "open_verify",
        "pepper_file",
        "peppers",
        "quota_lease",
        "redis_url",
        "scopes",
        "slack_webhook_url",
        "smtp_url",
        "trusted_proxies",
        "usage_days",
        "usage_events",
        "usage_file",
        "usage_sink",
    }
)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Policy(NamedTuple):
    """How to scan, unless the command line says otherwise.

    Attributes:
        source: The file that says so; None where there is none.
        only: Ids of the rules to use; empty for all.
        fail_on: The least severity that makes a scan fail.
        max_file_size: Bytes above which a file is left out and said to be.
        rules: Tables of rules of its own, and changes to ours, as a rule file has them.
        rule_files: Rule files and folders of them; relative to the file that names them.
        rule_set: Which rules are on.
        disabled: Ids of rules that are off.
    """

    source: Path | None = None
    only: tuple[str, ...] = ()
    fail_on: Severity = Severity.LOW
    max_file_size: int | None = None
    rules: tuple[Mapping[str, Any], ...] = ()
    rule_files: tuple[str, ...] = ()
    rule_set: str = "default"
    disabled: tuple[str, ...] = ()


SETTINGS = Policy._fields[1:]


def load_policy(directory: Path, config: Path | None = None) -> Policy:
    """Return the policy in force in a directory.

    Args:
        directory: Where the user is; the files are looked for here and in the folders above, up to
            the one that is a repository.
        config: A file the user named: a `keyfuse.toml`, or a `pyproject.toml`.

    Raises:
        PolicyError: the file cannot be read, is no TOML, or has an unknown or wrong setting.
    """
    if config is not None:
        return _read(config, required=True) or Policy()
    for folder in (directory, *directory.parents):
        for name in ("keyfuse.toml", "pyproject.toml"):
            if (policy := _read(folder / name, required=False)) is not None:
                return policy
        if os.path.lexists(folder / ".git"):
            break
    return Policy()


def parse_size(text: str) -> int:
    """Return a number of bytes: `500000`, `512k`, `10m`, `1g`, with or without a `b` or `B`.

    Raises:
        ValueError: the text is none of these.
    """
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:] in {"k", "m", "g"} else ""
    digits = number.removesuffix(unit).strip()
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is no size; write bytes, or 512k, 10m, 1g")
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
    raise ValueError(f"{text!r} is no severity; there are {labels}")


def _read(path: Path, *, required: bool) -> Policy | None:
    """Return the policy in a file, or None where there is no file or nothing for us in it."""
    try:
        text = path.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not required:
            return None
        raise PolicyError(
            f"{_shown(path)}: {(error.strerror or 'cannot be read').lower()}"
        ) from None
    is_project = path.name == "pyproject.toml"
    if is_project and b"keyfuse" not in text:
        return None
    import tomllib

    try:
        document = tomllib.loads(text.decode("utf-8"))
    except ValueError as error:
        raise PolicyError(f"{_shown(path)}: {harmless(str(error))}") from None
    table = document.get("tool", {}).get("keyfuse") if is_project else document
    return None if table is None else _parse(table, path)


def _parse(table: Mapping[str, object], path: Path) -> Policy:
    policy = Policy(source=path)
    for name, value in table.items():
        where = f"{_shown(path)}: {harmless(name)}"
        field = name.replace("-", "_")
        if field in SERVICE_SETTINGS:
            raise PolicyError(
                f"{where} is a setting of the service; put it in the file that KEYFUSE_CONFIG"
                " names, outside the repository"
            )
        if field not in SETTINGS:
            raise PolicyError(f"{where} is no setting; there are {', '.join(SETTINGS)}")
        try:
            policy = _set(policy, field, value)
        except ValueError as error:
            raise PolicyError(f"{where}: {harmless(str(error))}") from None
    return policy


def _set(policy: Policy, field: str, value: object) -> Policy:
    if field == "fail_on":
        return policy._replace(fail_on=parse_severity(str(value)))
    if field == "max_file_size":
        return policy._replace(max_file_size=parse_size(str(value)))
    if field == "rule_set":
        return policy._replace(rule_set=_rule_set(value))
    kind, meaning = _LISTS[field]
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise ValueError(f"must be {meaning}")
    values: dict[str, Any] = {field: tuple(value)}
    return policy._replace(**values)


def _rule_set(value: object) -> str:
    from keyfuse_rules.rulefile import RULE_SETS

    if value not in RULE_SETS:
        raise ValueError(f"{value!r} is no set of rules; there are {', '.join(RULE_SETS)}")
    return str(value)


_LISTS: dict[str, tuple[type, str]] = {
    "only": (str, "a list of rule ids"),
    "disabled": (str, "a list of rule ids"),
    "rule_files": (str, "a list of files and folders"),
    "rules": (dict, "tables, [[rules]]"),
}


def _shown(path: Path) -> str:
    return harmless(str(path))
