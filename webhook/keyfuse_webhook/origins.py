"""Which parties may send alerts, and which of them a delivery says it is from.

The headers decide: each origin has its own two. So all of them share one address.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import httpx

from keyfuse_store.settings import Settings
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.keyring import KeyRing
from keyfuse_webhook.model import GITHUB, Origin
from keyfuse_webhook.partner_alerts import MALFORMED_SIGNATURE, MISSING_SIGNATURE
from keyfuse_webhook.problem import Refusal

DISABLED = Refusal(
    503, "origin_disabled", "Alerts of this origin are switched off here for now.", 3600
)


class Sender(NamedTuple):
    """An origin, its signing keys, and whether its alerts are taken."""

    origin: Origin
    ring: KeyRing
    enabled: bool


def open_senders(settings: Settings, client: httpx.AsyncClient) -> list[Sender]:
    """GitHub and whoever else the settings name.

    Raises:
        InvalidSetting: One is to be switched off that does not exist.
    """
    known = [(GITHUB, settings.github_partner_keys_url)]
    known += [
        (Origin(one.name, one.id_header, one.signature_header), one.keys_url)
        for one in settings.origins
    ]
    unknown = set(settings.disabled_origins) - {origin.name for origin, _ in known}
    if unknown:
        raise InvalidSetting(f"KEYFUSE_DISABLED_ORIGINS: no such origin: {min(unknown)}")
    return [
        Sender(
            origin,
            KeyRing(url, client, origin=origin.name),
            origin.name not in settings.disabled_origins,
        )
        for origin, url in known
    ]


def choose(names: Iterable[str], senders: Sequence[Sender]) -> Sender | Refusal:
    """The sender whose headers are there; nobody is two at once.

    Args:
        names: Of the headers of a request.
        senders: Who may send.
    """
    there = {name.lower() for name in names}
    found = [
        one
        for one in senders
        if one.origin.id_header in there or one.origin.signature_header in there
    ]
    if not found:
        return MISSING_SIGNATURE
    return found[0] if len(found) == 1 else MALFORMED_SIGNATURE
