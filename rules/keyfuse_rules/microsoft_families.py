"""The checksum families of Microsoft's keys; `microsoft` has the algorithms."""

import re
from functools import partial

from keyfuse_rules import microsoft
from keyfuse_rules.checksum_family import Family

_URL_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_STANDARD_TO_URL = bytes.maketrans(b"+/", b"-_")


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


MICROSOFT: dict[str, Family] = {
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
