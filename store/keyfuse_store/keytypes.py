"""Key types: what is to happen to the keys of a prefix when they leak."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keyfuse_rules.prefixes import InvalidPrefix, check_prefix
from keyfuse_rules.secret import Secret
from keyfuse_store import scopes
from keyfuse_store.errors import InvalidField, SettingsError
from keyfuse_store.leaks import LeakAction

_ACTIONS: tuple[LeakAction, ...] = ("revoke", "quarantine", "notify")
_LEGACY_HASHES = ("sha256", "sha512", "hmac-sha256", "hmac-sha512")
_LEGACY_FIELDS = frozenset({"pattern", "hash", "key_file"})
_FIELDS = frozenset(
    {"prefix", "on_leak", "on_leak_private", "publishable", "quarantine_scopes", "legacy"}
)


@dataclass(frozen=True, slots=True)
class Legacy:
    """How keys issued before keyfuse look and how they were hashed.

    Attributes:
        pattern: Regular expression that the whole key has to match.
        hash: `sha256`, `sha512`, or either with `hmac-` before it.
        key: The secret of the HMAC.
    """

    pattern: str
    hash: str
    key: Secret | None = None


@dataclass(frozen=True, slots=True)
class KeyType:
    """The policy for one prefix.

    Attributes:
        on_leak: What to do when such a key is seen in public.
        on_leak_private: What to do when it is seen in a private place.
        publishable: Such keys are meant to be seen (in a browser, say).
        quarantine_scopes: What a key in quarantine may still do.
        legacy: The keys of this type from before keyfuse.
    """

    prefix: str
    on_leak: LeakAction = "revoke"
    on_leak_private: LeakAction = "revoke"
    publishable: bool = False
    quarantine_scopes: tuple[str, ...] = ()
    legacy: Legacy | None = None


def parse_key_types(tables: object, where: str) -> tuple[KeyType, ...]:
    """Read `[[key_types]]`.

    Raises:
        SettingsError: a table is malformed; it is named by its place and its prefix.
    """
    if not isinstance(tables, list):
        raise SettingsError(f"key_types in {where}: must be tables, [[key_types]]")
    types = tuple(_key_type(table, f"[[key_types]] in {where}") for table in tables)
    seen: set[str] = set()
    for kind in types:
        if kind.prefix in seen:
            raise SettingsError(f"[[key_types]] in {where}: {kind.prefix} is declared twice")
        seen.add(kind.prefix)
    return types


def _key_type(table: object, where: str) -> KeyType:
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: must be a table")
    for name in table:
        if name not in _FIELDS:
            raise SettingsError(f"{where}: {name} is not known; {', '.join(sorted(_FIELDS))} are")
    prefix = _prefix(table, where)
    where = f"{where}, prefix {prefix}"
    publishable = table.get("publishable", False)
    if not isinstance(publishable, bool):
        raise SettingsError(f"{where}: publishable must be true or false")
    on_leak = _action(table, "on_leak", "notify" if publishable else "revoke", where)
    on_leak_private = _action(table, "on_leak_private", on_leak, where)
    if publishable and (on_leak, on_leak_private) != ("notify", "notify"):
        # Killing a key that is public on purpose would let anyone switch its owner off.
        raise SettingsError(f"{where}: a publishable key is only told of; on_leak must be notify")
    kept = _quarantine_scopes(table, where)
    if "quarantine" in {on_leak, on_leak_private} and not kept:
        raise SettingsError(f"{where}: quarantine needs quarantine_scopes")
    return KeyType(prefix, on_leak, on_leak_private, publishable, kept, _legacy(table, where))


def _prefix(table: Mapping[str, object], where: str) -> str:
    prefix = table.get("prefix")
    if not isinstance(prefix, str):
        raise SettingsError(f"{where}: prefix is missing")
    try:
        check_prefix(prefix)
    except InvalidPrefix as error:
        raise SettingsError(f"{where}: {error}") from None
    return prefix


def _action(table: Mapping[str, object], name: str, default: LeakAction, where: str) -> LeakAction:
    value = table.get(name, default)
    for action in _ACTIONS:
        if value == action:
            return action
    raise SettingsError(f"{where}: {name} must be one of {', '.join(_ACTIONS)}")


def _quarantine_scopes(table: Mapping[str, object], where: str) -> tuple[str, ...]:
    value = table.get("quarantine_scopes", [])
    if not isinstance(value, list):
        raise SettingsError(f"{where}: quarantine_scopes must be a list")
    try:
        return tuple(scopes.granted("quarantine_scopes", value, management=False).split())
    except InvalidField as error:
        raise SettingsError(f"{where}: {error}") from None


def _legacy(table: Mapping[str, object], where: str) -> Legacy | None:
    value = table.get("legacy")
    if value is None:
        return None
    if not isinstance(value, dict) or not {"pattern", "hash"} <= set(value) <= _LEGACY_FIELDS:
        raise SettingsError(f"{where}: legacy needs pattern and hash, and may have key_file")
    if value["hash"] not in _LEGACY_HASHES:
        raise SettingsError(f"{where}: legacy.hash must be one of {', '.join(_LEGACY_HASHES)}")
    keyed = value["hash"].startswith("hmac-")
    if keyed != ("key_file" in value):
        problem = "an hmac hash needs" if keyed else "only an hmac hash has"
        raise SettingsError(f"{where}: {problem} legacy.key_file")
    key = _legacy_key(value["key_file"], where) if keyed else None
    return Legacy(_legacy_pattern(value["pattern"], where), value["hash"], key)


def _legacy_pattern(pattern: object, where: str) -> str:
    try:
        matches_nothing = re.compile(pattern if isinstance(pattern, str) else "").fullmatch("")
    except re.error:
        raise SettingsError(f"{where}: legacy.pattern is no regular expression") from None
    if matches_nothing is not None:
        raise SettingsError(f"{where}: legacy.pattern must be text that matches no empty key")
    return str(pattern)


def _legacy_key(path: object, where: str) -> Secret:
    """The file's text without the line break at its end."""
    try:
        text = Path(path if isinstance(path, str) else "").read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError):
        raise SettingsError(f"{where}: the file legacy.key_file cannot be read") from None
    if not text:
        raise SettingsError(f"{where}: the file legacy.key_file is empty")
    return Secret(text)
