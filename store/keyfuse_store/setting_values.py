"""How each kind of setting is read; `where` names the setting and its place in an error.

No error repeats a value: it may be a secret in the wrong place.
"""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from keyfuse_rules.secret import Secret
from keyfuse_store import fields, limits
from keyfuse_store.errors import InvalidField, SettingsError

_SIZE = re.compile(r"([0-9]{1,12}) ?(B|KiB|MiB)?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIZE_UNITS = {None: 1, "B": 1, "KiB": 1024, "MiB": 1024 * 1024}
_SWITCHES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def default_home() -> Path:
    """Where data lives if nothing says otherwise."""
    return Path(platformdirs.user_data_dir("keyfuse", appauthor=False))


def text(value: object, where: str) -> str:
    """Non-empty text without control characters."""
    # An identifier such as an App's is easily written as a bare number in TOML.
    given = str(value) if type(value) is int else value
    if not isinstance(given, str) or not given.strip() or not given.isprintable():
        raise SettingsError(f"{where}: must be text on one line")
    return given.strip()


def secret(value: object, where: str) -> Secret:
    """Text that is never shown; may have several lines (a PEM has)."""
    if not isinstance(value, str) or not value.strip():
        raise SettingsError(f"{where}: must be text")
    return Secret(value)


def secrets(value: object, where: str) -> tuple[Secret, ...]:
    """Several secrets: a TOML list, or one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts:
        raise SettingsError(f"{where}: must be a list, or text with commas")
    if not all(isinstance(part, str) and part.strip() for part in parts):
        raise SettingsError(f"{where}: each must be text that is not empty")
    return tuple(Secret(part.strip()) for part in parts)


def words(value: object, where: str) -> tuple[str, ...]:
    """Several words: a TOML list, or one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise SettingsError(f"{where}: must be a list, or text with commas")
    return tuple(text(part, where) for part in parts)


def path(value: object, where: str) -> Path:
    """A path; `~` is the home directory."""
    return Path(text(value, where)).expanduser().absolute()


def switch(value: object, where: str) -> bool:
    """One of true, false, 1, 0, yes, no."""
    if isinstance(value, bool):
        return value
    found = _SWITCHES.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise SettingsError(f"{where}: must be true or false")
    return found


def size(value: object, where: str) -> int:
    """A number of bytes above zero, also as `512KiB` or `25MiB`."""
    match = _SIZE.fullmatch(str(value)) if type(value) in {int, str} else None
    found = int(match[1]) * _SIZE_UNITS[match[2]] if match else 0
    if found < 1:
        raise SettingsError(f"{where}: must be a size like 25MiB")
    return found


def whole(least: int, most: int) -> Callable[[object, str], int]:
    """A whole number in a range."""

    def number(value: object, where: str) -> int:
        match = _WHOLE.fullmatch(str(value)) if type(value) in {int, str} else None
        found = int(match[0]) if match else least - 1
        if not least <= found <= most:
            raise SettingsError(f"{where}: must be a whole number from {least} to {most}")
        return found

    return number


def rate(value: object, where: str) -> str:
    """A rate limit such as `100/minute`."""
    try:
        found = limits.rate_text("rate", value if isinstance(value, str) else "")
    except InvalidField:
        found = None
    if found is None or len(limits.parse_rates(found)) != 1:
        raise SettingsError(f"{where}: must be a rate limit like 100/minute")
    return found


def one_of(*choices: str) -> Callable[[object, str], str]:
    """One of a few words."""

    def chosen(value: object, where: str) -> str:
        if not isinstance(value, str) or value not in choices:
            raise SettingsError(f"{where}: must be one of {', '.join(choices)}")
        return value

    return chosen


def networks(value: object, where: str) -> tuple[str, ...]:
    """Addresses and networks: a TOML list, or one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise SettingsError(f"{where}: must be a list, or text with commas")
    try:
        return tuple(str(ip_network(str(part).strip())) for part in parts)
    except ValueError:
        raise SettingsError(f"{where}: each must be a network like 10.0.0.0/8") from None


def http_url(value: object, where: str) -> str:
    """An http or https URL without credentials; a slash at its end is dropped."""
    given = text(value, where)
    if not _is_url(given, "http", "https") or "@" in urlsplit(given).netloc:
        raise SettingsError(f"{where}: must be a URL like https://example.com")
    return given.rstrip("/")


def secret_http_url(value: object, where: str) -> Secret:
    """An http or https URL that is a credential in itself."""
    given = text(value, where)
    if not _is_url(given, "http", "https"):
        raise SettingsError(f"{where}: must be a URL like https://example.com/hook")
    return Secret(given)


def smtp_url(value: object, where: str) -> Secret:
    """`smtp://` (STARTTLS where offered) or `smtps://`, with `user:password@` if needed."""
    given = text(value, where)
    if not _is_url(given, "smtp", "smtps"):
        raise SettingsError(f"{where}: must be a URL like smtp://mail.example.com:587")
    return Secret(given)


def mail_address(value: object, where: str) -> str:
    """A bare mail address."""
    try:
        return fields.email("address", value)
    except InvalidField as error:
        raise SettingsError(f"{where}: {error.problem}") from None


def mail_sender(value: object, where: str) -> str:
    """A mail address, bare or as `Name <address>`."""
    given = text(value, where)
    bare = re.fullmatch(r"[^<>]*<([^<>]+)>", given)
    mail_address(bare[1] if bare else given, where)
    return given


def _is_url(given: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(given)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and " " not in given
