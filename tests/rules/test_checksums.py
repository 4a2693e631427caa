"""Published vectors, stored in pieces and joined here, and what each family must tell apart."""

import json
import warnings
from pathlib import Path
from random import Random

import pytest

from keyfuse_rules.checksums import FAMILIES, trusted
from keyfuse_rules.marvin import marvin32
from keyfuse_rules.recipes import expand

VECTORS = json.loads((Path(__file__).parent / "checksum_vectors.json").read_text())
CASES = [
    (family, "".join(pieces).encode()) for family, tokens in VECTORS.items() for pieces in tokens
] + [(name, b"".join(family.vector)) for name, family in FAMILIES.items() if family.vector]

# How a token of each family looks, for those that are not proven by a provider's own tokens, too.
SHAPES = {
    "keyfuse": "acme_live_kf1<base62:42>",
    "github-classic": "ghp_<base62:30>",
    "npm": "npm_<base62:30>",
    "crates-io-trusted-publishing": "cio_tp_<base62:31>",
    "grafana-service-account": "glsa_<base62:32>_",
    "gitlab-routable": "glpat-<base64url:27>.01.<lower:2>",
    "atlassian": "ATATT3<base64url:174>=",
    "cloudflare": "cfut_<base62:40>",
    "azure-devops-legacy": "<base32l:52>",
    "azure-storage": "<base64:76>+ASt",
    "azure-cosmos": "<base64:76>ACDb",
    "azure-search": "<base62:42>AzSe",
    "azure-container-registry": "<base64:42>+ACR",
    "azure-functions": "<base64url:44>AzFu",
    "azure-service-bus": "<base64:33>+ASb",
    "azure-event-hub": "<base64:33>+AEh",
    "azure-relay": "<base64:33>+ARm",
    "azure-batch": "<base64:76>+ABa",
    "azure-iot": "<base64:33>AIoT",
    "azure-api-management": "<base64:76>APIM",
    "azure-machine-learning": "<base64:76>+AMC",
    "azure-annotated": "<base62:52>JQQJ99BAAC<base62:14>AZDO",
    "entra-client-secret": "<base62:3>8Q~<base64url:31>",
}


@pytest.mark.parametrize(("family", "token"), CASES, ids=[family for family, _ in CASES])
def test_published_tokens_are_valid_and_one_change_makes_them_invalid(
    family: str, token: bytes
) -> None:
    assert FAMILIES[family].judge(token) == "valid"
    position = 14
    other = b"a" if token[position : position + 1] != b"a" else b"b"
    changed = token[:position] + other + token[position + 1 :]
    assert FAMILIES[family].judge(changed) == "invalid"


def test_a_proven_family_of_another_provider_has_a_published_vector() -> None:
    proven = {name for name, family in FAMILIES.items() if family.proven}
    assert proven - {"keyfuse"} <= {family for family, _ in CASES}


def test_published_false_azure_devops_tokens_are_invalid() -> None:
    for pieces in (
        ("r5re6wmuyil22fwl7yy7", "tukhtkr5dh3ex6eaw6qmtbfdikdvjlvq"),
        ("windowsinformationpr", "otectionpincharacterrequirements"),
    ):
        assert FAMILIES["azure-devops-legacy"].judge("".join(pieces).encode()) == "invalid"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_form_the_family_does_not_know_has_no_verdict(family: str) -> None:
    assert FAMILIES[family].judge(b"something else") == "none"


@pytest.mark.parametrize("name", FAMILIES)
def test_two_hundred_right_and_two_hundred_wrong_checksums_are_told_apart(name: str) -> None:
    random = Random(7)
    family = FAMILIES[name]
    for _ in range(200):
        assert family.judge(expand(SHAPES[name] + "<checksum>", random, name)) == "valid"
        assert family.judge(expand(SHAPES[name] + "<wrong>", random, name)) == "invalid"


def test_a_family_that_fails_its_own_vector_is_switched_off_loudly() -> None:
    npm = FAMILIES["npm"]
    token = b"".join(npm.vector)
    with pytest.warns(RuntimeWarning, match="npm fails its own vector"):
        broken = trusted({"npm": npm._replace(seal=lambda _body: b"000000")})
    assert broken["npm"].judge(token) == "none"
    assert not broken["npm"].proven
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trusted({"npm": npm})["npm"].judge(token) == "valid"


@pytest.mark.parametrize(
    ("seed", "data", "expected"),
    [
        (0xD53CD9CECD0893B7, b"abc", 0x6BE02A86),
        (0xDDDDEEEEFFFF000, b"abcdefghijklmnopqrstuvwxyz", 0xD34847DC),
        (0x4FB61A001BDBCC, b"", 0x302009BC),
        (0x4FB61A001BDBCC, b"\xaf", 0x3592E206),
        (0x4FB61A001BDBCC, bytes.fromhex("ab427ea8d10fc7"), 0x117FCBA5),
    ],
)
def test_marvin32_passes_its_published_vectors(seed: int, data: bytes, expected: int) -> None:
    assert marvin32(data, seed) == expected
