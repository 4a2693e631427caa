"""Checksum families: named pure functions that tell whether a token is what it looks like.

Each family can `seal` as well as `judge`, so that examples and tests are built at run time and no
token-shaped text stands in the repository. A form of a token that carries no known checksum is
`none`, never `invalid`.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

from keyfuse_rules.base62 import encode_crc32
from keyfuse_rules.model import Checksum


class Family(NamedTuple):
    """One way of making a checksum.

    Attributes:
        seal: From everything before the checksum, the bytes of the checksum.
        length: How many bytes at the end of a token the checksum takes.
        applies: Pattern that the whole token fits where the family applies to it.
        source: Where the algorithm and its vectors are published.
    """

    seal: Callable[[bytes], bytes]
    length: int
    applies: re.Pattern[bytes]
    source: str

    def judge(self, token: bytes) -> Checksum:
        """Return the verdict on a whole token."""
        if self.applies.fullmatch(token) is None:
            return "none"
        return "valid" if self.seal(token[: -self.length]) == token[-self.length :] else "invalid"


def _keyfuse(body: bytes) -> bytes:
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


FAMILIES: dict[str, Family] = {
    "keyfuse": Family(
        seal=_keyfuse,
        length=6,
        applies=re.compile(rb"[a-z0-9_]+_kf1[0-9A-Za-z]{48}"),
        source="docs/key-format.md",
    ),
    "github-classic": Family(
        seal=_crc32_base62_after_prefix,
        length=6,
        applies=re.compile(rb"gh[posur]_[0-9A-Za-z]{36}"),
        source="19 of 19 expired tokens published in therootcompany/base62-token.js",
    ),
    "npm": Family(
        seal=_crc32_base62_after_prefix,
        length=6,
        applies=re.compile(rb"npm_[0-9A-Za-z]{36}"),
        source="secretlint, issue 200",
    ),
    "crates-io-trusted-publishing": Family(
        seal=_crates_io,
        length=1,
        applies=re.compile(rb"cio_tp_[0-9A-Za-z]{32}"),
        source="rust-lang/crates.io, crate crates_io_trustpub, tests",
    ),
    "grafana-service-account": Family(
        seal=_grafana,
        length=8,
        applies=re.compile(rb"glsa_[0-9A-Za-z]{32}_[0-9a-f]{8}"),
        source="grafana/grafana, unit test of its API key generator",
    ),
    "gitlab-routable": Family(
        seal=_gitlab,
        length=7,
        applies=re.compile(rb"gl[a-z]{2,5}-[0-9A-Za-z_-]{27,300}\.01\.[0-9a-z]{9}"),
        source="GitLab's generator of routable tokens",
    ),
    "atlassian": Family(
        seal=_atlassian,
        length=8,
        applies=re.compile(rb"AT[0-9A-Za-z_=-]{100,300}=[0-9A-F]{8}"),
        source="DataDog's scanner, 2 of 2 published tokens",
    ),
}
