"""The service settings: flags over environment over a file named by `--config`.

They never come from a repository that is scanned. `KEYFUSE_DATABASE_URL` in the environment is
`database_url` in the file; for the secrets of `_FROM_FILES`, `…_FILE` names a file to read.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from keyfuse_rules.secret import Secret
from keyfuse_store import setting_values as values
from keyfuse_store.alert_origins import AlertOrigin, parse_origins
from keyfuse_store.catalogue import Catalogue, parse_catalogue
from keyfuse_store.errors import SettingsError
from keyfuse_store.keytypes import KeyType, parse_key_types

ENVIRONMENT_PREFIX = "KEYFUSE_"
_CONFIG = "KEYFUSE_CONFIG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set; the names are those of the file and of the flags."""

    home: Path
    database_url: str = field(repr=False)
    redis_url: Secret | None = None
    peppers: Secret | None = None
    pepper_file: Path | None = None
    base_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    limits: Literal["process", "database", "redis"] = "process"
    limits_fail: Literal["open", "closed"] = "open"
    quota_lease: int = 1000
    usage_events: Literal["off", "refusals", "all"] = "off"
    usage_sink: Literal["database", "file", "stdout"] = "database"
    usage_file: Path | None = None
    usage_days: int = 30
    job_days: int = 30
    dry_run: bool = False
    open_verify: bool = False
    management_rate: str = "600/minute"
    max_body: int = 25 * 1024 * 1024
    github_webhook_secrets: tuple[Secret, ...] = ()
    github_app_id: str | None = None
    github_app_private_key: Secret | None = None
    github_report: Literal["off", "check", "comment", "issue"] = "check"
    github_api_url: str = "https://api.github.com"
    github_server_url: str = "https://github.com"
    github_partner_keys_url: str = "https://api.github.com/meta/public_keys/secret_scanning"
    smtp_url: Secret | None = None
    mail_from: str | None = None
    fallback_owner: str | None = None
    slack_webhook_url: Secret | None = None
    notify_webhook_url: Secret | None = None
    notify_webhook_secret: tuple[Secret, ...] = ()
    notify_github_repository: str | None = None
    alert_feedback: Literal["hash", "raw"] = "hash"
    disabled_origins: tuple[str, ...] = ()
    origins: tuple[AlertOrigin, ...] = ()
    key_types: tuple[KeyType, ...] = ()
    scopes: Catalogue = field(default_factory=Catalogue)

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str] | None = None,
        config_file: str | Path | None = None,
        flags: Mapping[str, str | None] | None = None,
    ) -> "Settings":
        """Read the settings from where they may come from.

        Args:
            environ: The environment; default is that of the process.
            config_file: The file named on the command line, before `KEYFUSE_CONFIG`.
            flags: Settings given on the command line; None values are not given.

        Raises:
            SettingsError: a setting is wrong or unknown; the message names it and its place.
        """
        environment = os.environ if environ is None else environ
        file = config_file or environment.get(_CONFIG) or None
        table = {} if file is None else _read_table(Path(file))
        key_types = parse_key_types(table.pop("key_types", []), str(file))
        scopes = parse_catalogue(table.pop("scopes", {}), str(file))
        origins = parse_origins(table.pop("origins", []), str(file))
        given: dict[str, object] = {}
        for name, found in _merged(table, str(file), environment, flags or {}):
            given[name] = _PARSERS[name](found.value, found.where)
        home = given.setdefault("home", values.default_home())
        given.setdefault("database_url", f"sqlite:///{home}/keyfuse.db")
        return cls(**given, origins=origins, key_types=key_types, scopes=scopes)  # type: ignore[arg-type]  # each came from its own parser

    def key_type(self, prefix: str) -> KeyType:
        """The policy for a prefix; undeclared ones are revoked when they leak."""
        return next((kind for kind in self.key_types if kind.prefix == prefix), KeyType(prefix))


class _Found(NamedTuple):
    value: object
    where: str


_PARSERS: dict[str, Callable[[object, str], object]] = {
    "home": values.path,
    "database_url": values.text,
    "redis_url": values.secret,
    "peppers": values.secret,
    "pepper_file": values.path,
    "base_url": values.http_url,
    "trusted_proxies": values.networks,
    "limits": values.one_of("process", "database", "redis"),
    "limits_fail": values.one_of("open", "closed"),
    "quota_lease": values.whole(1, 1_000_000),
    "usage_events": values.one_of("off", "refusals", "all"),
    "usage_sink": values.one_of("database", "file", "stdout"),
    "usage_file": values.path,
    "usage_days": values.whole(1, 3650),
    "job_days": values.whole(1, 3650),
    "dry_run": values.switch,
    "open_verify": values.switch,
    "management_rate": values.rate,
    "max_body": values.size,
    "github_webhook_secrets": values.secrets,
    "github_app_id": values.text,
    "github_app_private_key": values.secret,
    "github_report": values.one_of("off", "check", "comment", "issue"),
    "github_api_url": values.http_url,
    "github_server_url": values.http_url,
    "github_partner_keys_url": values.http_url,
    "alert_feedback": values.one_of("hash", "raw"),
    "disabled_origins": values.words,
    "smtp_url": values.smtp_url,
    "mail_from": values.mail_sender,
    "fallback_owner": values.mail_address,
    "slack_webhook_url": values.secret_http_url,
    "notify_webhook_url": values.secret_http_url,
    "notify_webhook_secret": values.secrets,
    "notify_github_repository": values.text,
}
_FROM_FILES = ("github_webhook_secrets", "github_app_private_key", "notify_webhook_secret")
_KNOWN = frozenset({*_PARSERS, *(f"{name}_file" for name in _FROM_FILES)})
_OTHER_VARIABLES = frozenset({_CONFIG, "KEYFUSE_API_KEY", "KEYFUSE_API_KEY_FILE"})
# Kubernetes sets these for whatever service is called keyfuse something.
_INJECTED = re.compile(r".*_(SERVICE|PORT)(_.*)?")


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none, misspelt perhaps: by name, never by value."""
    known = _OTHER_VARIABLES.union(ENVIRONMENT_PREFIX + name.upper() for name in _KNOWN)
    ours = {name for name in environ if name.startswith(ENVIRONMENT_PREFIX)} - known
    return sorted(name for name in ours if not _INJECTED.fullmatch(name))


def _merged(
    table: Mapping[str, object],
    file: str,
    environ: Mapping[str, str],
    flags: Mapping[str, str | None],
) -> Iterator[tuple[str, _Found]]:
    """Each setting that was given, from its strongest place."""
    for name in sorted({*table, *flags} - _KNOWN):
        raise SettingsError(f"{name} in {file}: no such setting")
    for name in _PARSERS:
        found = _find(name, table, file, environ, flags)
        if name in _FROM_FILES:
            found = _from_file(found, _find(f"{name}_file", table, file, environ, flags))
        if found is not None:
            yield name, found


def _find(
    name: str,
    table: Mapping[str, object],
    file: str,
    environ: Mapping[str, str],
    flags: Mapping[str, str | None],
) -> _Found | None:
    variable = ENVIRONMENT_PREFIX + name.upper()
    if flags.get(name) is not None:
        return _Found(flags[name], f"--{name.replace('_', '-')}")
    # An empty variable is how compose files and unit files say "not set".
    if environ.get(variable):
        return _Found(environ[variable], f"{variable} in the environment")
    return _Found(table[name], f"{name} in {file}") if name in table else None


def _from_file(direct: _Found | None, named: _Found | None) -> _Found | None:
    if named is None:
        return direct
    if direct is not None:
        raise SettingsError(f"{direct.where}: {named.where} is set too; give one of them")
    path = values.path(named.value, named.where)
    try:
        return _Found(path.read_text("utf-8").rstrip("\r\n"), named.where)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{named.where}: {path} cannot be read ({_why(error)})") from None


def _read_table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"configuration {path} cannot be read ({_why(error)})") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"configuration {path} is not TOML: {error}") from None


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "?" if isinstance(error, OSError) else "not UTF-8 text"
