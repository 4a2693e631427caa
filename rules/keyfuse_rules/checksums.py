"""Checksum families: named pure functions that tell whether a token is what it looks like.

Each family can `seal` as well as `judge`, so that examples and tests are built at run time and no
token-shaped text stands in the repository. A form of a token that carries no known checksum is
`none`, never `invalid`. A family that fails its own published vector is switched off when this
module is imported, with a warning: better no verdict than a wrong one.
"""

import warnings
from collections.abc import Mapping
from zlib import crc32

from keyfuse_rules.base62 import encode_crc32
from keyfuse_rules.checksum_family import Family
from keyfuse_rules.microsoft_families import MICROSOFT


def _crc32_base62(body: bytes) -> bytes:
    return encode_crc32(crc32(body)).encode()


def _crc32_base62_after_prefix(body: bytes) -> bytes:
    """Seal what follows the first `_`: GitHub and npm leave the prefix out."""
    return encode_crc32(crc32(body.partition(b"_")[2])).encode()


def _crates_io(body: bytes) -> bytes:
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    folded = 0
    for byte in body[len(b"cio_tp_") :]:
        folded ^= byte
    index = folded % len(alphabet)
    return alphabet[index : index + 1]


def _grafana(body: bytes) -> bytes:
    """Seal everything before the last `_`, as hexadecimal of the little-endian CRC-32."""
    return crc32(body.removesuffix(b"_")).to_bytes(4, "little").hex().encode()


def _atlassian(body: bytes) -> bytes:
    return f"{crc32(body):08X}".encode()


def _gitlab(body: bytes) -> bytes:
    """Seal everything before the last seven characters, as zero-padded base 36."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    number, text = crc32(body), ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text.encode()


def _cloudflare(body: bytes) -> bytes:
    """Seal the forty characters after the prefix, in lower-case hexadecimal."""
    return f"{crc32(body.partition(b'_')[2]):08x}".encode()


_KNOWN: dict[str, Family] = {
    "keyfuse": Family(
        seal=_crc32_base62,
        length=6,
        applies=rb"[a-z0-9_]+_kf1[0-9A-Za-z]{48}",
        source="docs/key-format.md",
        proven=True,
    ),
    "github-classic": Family(
        seal=_crc32_base62_after_prefix,
        length=6,
        applies=rb"gh[posur]_[0-9A-Za-z]{36}",
        source="19 of 19 expired tokens published in therootcompany/base62-token.js",
        proven=True,
        vector=(b"ghp_", b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", b"0mLq17"),
    ),
    "npm": Family(
        seal=_crc32_base62_after_prefix,
        length=6,
        applies=rb"npm_[0-9A-Za-z]{36}",
        source="secretlint, issue 200",
        proven=True,
        vector=(b"npm_", b"qkJaB6MffYVzZXWqmcoF49yrUxP3wf", b"0LsakP"),
    ),
    "crates-io-trusted-publishing": Family(
        seal=_crates_io,
        length=1,
        applies=rb"cio_tp_[0-9A-Za-z]{32}",
        source="rust-lang/crates.io, crate crates_io_trustpub, tests",
        proven=True,
        vector=(b"cio_tp_", b"gGK6jurSwKyl9V3Az19z7YEFQI9aoOO", b"d"),
    ),
    "grafana-service-account": Family(
        seal=_grafana,
        length=8,
        applies=rb"glsa_[0-9A-Za-z]{32}_[0-9a-f]{8}",
        source="grafana/grafana, unit test of its API key generator",
        proven=True,
        vector=(b"glsa_", b"iNValIdinValiDinvalidinvalidinva", b"_", b"5b582697"),
    ),
    # The published vector was made by hand from the generator's source, not by GitLab.
    "gitlab-routable": Family(
        seal=_gitlab,
        length=7,
        applies=rb"gl[a-z]{2,7}-[0-9A-Za-z_-]{27,300}\.01\.[0-9a-z]{9}",
        source="GitLab's generator of routable tokens",
        vector=(b"glpat-", b"YWFhYWFhYWFhYWFhYWFhYW86MQM.01.0r", b"0i4k17x"),
    ),
    "atlassian": Family(
        seal=_atlassian,
        length=8,
        applies=rb"AT[0-9A-Za-z_=-]{100,300}=[0-9A-F]{8}",
        source="DataDog's scanner, 2 of 2 published tokens",
        proven=True,
    ),
    "cloudflare": Family(
        seal=_cloudflare,
        length=8,
        applies=rb"cf(?:k|ut|at)_[0-9A-Za-z]{40}[0-9a-f]{8}",
        source="CredSweeper's filter; no vector is published",
    ),
    **MICROSOFT,
}


def trusted(families: Mapping[str, Family]) -> dict[str, Family]:
    """Return the families, without verdict where one fails its own vector, and warn of those."""
    checked = dict(families)
    for name, family in families.items():
        if family.vector and not family.holds(b"".join(family.vector)):
            warnings.warn(
                f"checksum family {name} fails its own vector and is switched off",
                RuntimeWarning,
                stacklevel=2,
            )
            checked[name] = family._replace(applies=rb"(?!)", proven=False)
    return checked


FAMILIES = trusted(_KNOWN)
