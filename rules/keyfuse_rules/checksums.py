"""Checksum families: named pure functions that tell whether a token is what it looks like.

Each family can `seal` as well as `judge`, so that examples and tests are built at run time and no
token-shaped text stands in the repository. A form of a token that carries no known checksum is
`none`, never `invalid`. A family that fails its own published vector is switched off when this
module is imported, with a warning: better no verdict than a wrong one.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple
from zlib import crc32

from keyfuse_rules import microsoft
from keyfuse_rules.base62 import encode_crc32
from keyfuse_rules.model import Checksum


class Family(NamedTuple):
    """One way of making a checksum.

    Attributes:
        seal: From everything before the checksum, the bytes of the checksum. Where `length` is 0
            the checksum is spread over the token: `seal` takes it whole and puts it right.
        length: How many bytes at the end of a token the checksum takes.
        applies: Pattern that the whole token fits where the family applies to it.
        source: Where the algorithm and its vectors are published.
        proven: True where tokens that the provider itself made prove algorithm and form, and the
            provider has not changed them since: an invalid token then is none.
        vector: A published token in pieces, the last of them its checksum.
        verify: For families with more than one right checksum: tells whether a token has one.
    """

    seal: Callable[[bytes], bytes]
    length: int
    applies: bytes
    source: str
    proven: bool = False
    vector: tuple[bytes, ...] = ()
    verify: Callable[[bytes], bool] | None = None

    def judge(self, token: bytes) -> Checksum:
        """Return the verdict on a whole token."""
        if re.fullmatch(self.applies, token) is None:
            return "none"
        return "valid" if self.holds(token) else "invalid"

    def holds(self, token: bytes) -> bool:
        """Tell whether a token to which the family applies carries the right checksum."""
        if self.verify is not None:
            return self.verify(token)
        return self.seal(token[: -self.length]) == token[-self.length :]


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


def _identifiable(service: str, size: int, signature: bytes, *vector: bytes) -> Family:
    """Return the family of one Azure service's keys of `size` bytes.

    Several kinds of key share a signature and differ in their seed; any of the seeds is right.
    """
    seeds = microsoft.SEEDS[service]
    random = (size - 7) * 8 // 6
    length = -(-size // 3) * 4 - random - len(signature)
    characters = rb"[0-9A-Za-z+/_-]"
    return Family(
        seal=partial(_identifiable_tail, size=size, seed=seeds[0]),
        length=length,
        applies=rb"%b{%d}%b%b{6}={0,2}" % (characters, random, re.escape(signature), characters),
        source="microsoft/security-utilities, tests of its identifiable keys",
        proven=bool(vector),
        vector=vector,
        verify=partial(_is_identifiable, size=size, length=length, seeds=seeds),
    )


def _identifiable_tail(body: bytes, size: int, seed: bytes) -> bytes:
    tail = microsoft.identifiable_tail(body.translate(_URL_TO_STANDARD), size, seed)
    return tail.translate(_STANDARD_TO_URL) if b"_" in body or b"-" in body else tail


def _is_identifiable(token: bytes, size: int, length: int, seeds: tuple[bytes, ...]) -> bool:
    token = token.translate(_URL_TO_STANDARD)
    body, tail = token[:-length], token[-length:]
    return any(microsoft.identifiable_tail(body, size, seed) == tail for seed in seeds)


def _annotated_tail(body: bytes) -> bytes:
    return microsoft.annotated_tails(body)[0][:4]


def _is_annotated(token: bytes) -> bool:
    return token[80:] in {tail[: len(token) - 80] for tail in microsoft.annotated_tails(token[:80])}


_URL_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_STANDARD_TO_URL = bytes.maketrans(b"+/", b"-_")

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
    "azure-devops-legacy": Family(
        seal=microsoft.devops_token,
        length=0,
        applies=rb"[a-z2-7]{52}",
        source="microsoft/security-utilities, 7 valid and 4 invalid published tokens",
        proven=True,
        vector=(b"cfdgksmyyogbj6b6k7tv", b"u6wfgotk453xxadybrrs22g6qekcaw3y"),
        verify=microsoft.is_devops_token,
    ),
    "azure-storage": _identifiable("storage", 64, b"+ASt", b"a" * 76, b"+ASt", b"5mnCaw=="),
    "azure-cosmos": _identifiable("cosmos", 64, b"ACDb", b"a" * 76, b"ACDb", b"OpqrYA=="),
    "azure-search": _identifiable("search", 39, b"AzSe", b"a" * 42, b"AzSe", b"CjhzCu"),
    "azure-container-registry": _identifiable(
        "container-registry", 39, b"+ACR", b"d" * 42, b"+ACR", b"CUDxQE"
    ),
    "azure-functions": _identifiable("functions", 40, b"AzFu", b"d" * 44, b"AzFu", b"182vhA=="),
    # The same algorithm with seeds of their own, for which no key is published.
    "azure-service-bus": _identifiable("messaging", 32, b"+ASb"),
    "azure-event-hub": _identifiable("messaging", 32, b"+AEh"),
    "azure-relay": _identifiable("messaging", 32, b"+ARm"),
    "azure-batch": _identifiable("batch", 64, b"+ABa"),
    "azure-iot": _identifiable("iot", 32, b"AIoT"),
    "azure-api-management": _identifiable("api-management", 64, b"APIM"),
    "azure-machine-learning": _identifiable("machine-learning", 64, b"+AMC"),
    "azure-annotated": Family(
        seal=_annotated_tail,
        length=4,
        applies=rb"[0-9A-Za-z]{52}JQQJ99[0-9A-Za-z]{18}[A-Za-z0-9]{4}[0-9A-Za-z+/]{4}(?:..==)?",
        source="microsoft/security-utilities; its published keys are placeholders",
        verify=_is_annotated,
    ),
    "entra-client-secret": Family(
        seal=microsoft.entra_tail,
        length=3,
        applies=rb"[0-9A-Za-z_~.-]{3}8Q~[0-9A-Za-z_~.-]{34}",
        source="microsoft/security-utilities; no vector is published",
    ),
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
