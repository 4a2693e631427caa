"""Further parties that send alerts in the secret scanning partner protocol, beside GitHub."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from keyfuse_store import setting_values as values
from keyfuse_store.errors import SettingsError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_FIELDS = frozenset({"name", "id_header", "signature_header", "keys_url"})
# GitHub is always there, and these name evidence of other kinds.
_TAKEN = frozenset({"github", "report", "scan"})


@dataclass(frozen=True, slots=True)
class AlertOrigin:
    """One such party.

    Attributes:
        name: Stored with each evidence, and the word for it in metrics.
        id_header: Header that names the signing key, in lower case.
        signature_header: Header that carries the signature, in lower case.
        keys_url: Where its public keys are published.
    """

    name: str
    id_header: str
    signature_header: str
    keys_url: str


def parse_origins(tables: object, where: str) -> tuple[AlertOrigin, ...]:
    """Read `[[origins]]`.

    Raises:
        SettingsError: a table is malformed, or two share a name or a header.
    """
    if not isinstance(tables, list):
        raise SettingsError(f"origins in {where}: must be tables, [[origins]]")
    origins = tuple(_origin(table, f"[[origins]] in {where}") for table in tables)
    for what in ("name", "id_header", "signature_header"):
        told = [getattr(origin, what) for origin in origins]
        if len(set(told)) < len(told):
            raise SettingsError(f"[[origins]] in {where}: two have the same {what}")
    return origins


def _origin(table: object, where: str) -> AlertOrigin:
    if not isinstance(table, dict) or set(table) != _FIELDS:
        raise SettingsError(f"{where}: needs {', '.join(sorted(_FIELDS))}, and nothing else")
    name = _word(table, "name", _NAME, where)
    if name in _TAKEN:
        raise SettingsError(f"{where}: the name {name} is taken")
    id_header = _word(table, "id_header", _HEADER, where).lower()
    signature_header = _word(table, "signature_header", _HEADER, where).lower()
    if id_header == signature_header:
        raise SettingsError(f"{where}: id_header and signature_header are the same")
    url = values.http_url(table["keys_url"], f"{where}, keys_url")
    return AlertOrigin(name, id_header, signature_header, url)


def _word(table: Mapping[str, object], field: str, form: re.Pattern[str], where: str) -> str:
    value = table[field]
    if not isinstance(value, str) or not form.fullmatch(value):
        raise SettingsError(f"{where}: {field} is none")
    return value
