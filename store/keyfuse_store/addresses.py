"""The networks a key may be used from."""

import contextlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from keyfuse_store.errors import InvalidField

NETWORKS_MAX = 50

_Network = IPv4Network | IPv6Network


def allow_list(field: str, networks: Sequence[str]) -> str:
    """Check addresses and CIDR networks and return them as they are stored.

    Raises:
        InvalidField: too many of them, or one is neither.
    """
    if isinstance(networks, str) or not isinstance(networks, Collection):
        raise InvalidField(field, "must be a list of networks, not one text")
    if len(networks) > NETWORKS_MAX:
        raise InvalidField(field, f"has {len(networks)} networks; {NETWORKS_MAX} are allowed")
    return " ".join(str(_network(field, network)) for network in networks)


@lru_cache(maxsize=65_536)
def allows(stored: str, address: str | None) -> bool:
    """Tell whether `address` lies in the stored list; an unreadable address lies nowhere."""
    try:
        # Bytes and numbers would be read as an address; only text is meant.
        client = ip_address(address if isinstance(address, str) else "")
    except ValueError:
        return False
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    return any(client in network for network in _networks(stored))


@lru_cache(maxsize=4096)
def _networks(stored: str) -> tuple[_Network, ...]:
    return tuple(ip_network(network) for network in stored.split())


def _network(field: str, network: object) -> _Network:
    # An int would be read as an address; only text is meant.
    with contextlib.suppress(ValueError):
        return ip_network(network if isinstance(network, str) else "", strict=True)
    # Outside of the block: what was raised in it repeats the value, which may be a key.
    raise InvalidField(field, "each must be a network like 203.0.113.0/24")
