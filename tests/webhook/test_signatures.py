"""The signature check: both published requests pass, anything else about them does not."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyfuse_webhook.signatures import decode_signature, is_signed, key_identifier, load_key
from keyfuse_webhook.standin import SigningKey

VECTORS = json.loads(
    (Path(__file__).parent / "vectors/github_partner_alerts.json").read_text("utf-8")
)
names = [vector["name"] for vector in VECTORS]


def check(pem: str, signature: str, body: bytes) -> bool:
    key, decoded = load_key(pem), decode_signature(signature)
    return key is not None and decoded is not None and is_signed(key, decoded, body)


@pytest.mark.parametrize("vector", VECTORS, ids=names)
def test_published_vector_verifies(vector):
    assert check(vector["public_key_pem"], vector["signature_b64"], vector["payload"].encode())
    assert key_identifier(vector["public_key_pem"]) == vector["key_identifier"]


@pytest.mark.parametrize("vector", VECTORS, ids=names)
def test_published_vector_fails_with_any_one_byte_changed(vector):
    body = vector["payload"].encode()
    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 1
        assert not check(vector["public_key_pem"], vector["signature_b64"], bytes(changed))


@pytest.mark.parametrize("vector", VECTORS, ids=names)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: body + b"\n", id="newline added"),
        pytest.param(lambda body: body + b"\r\n", id="CRLF added"),
        pytest.param(lambda body: b"\xef\xbb\xbf" + body, id="byte order mark"),
        pytest.param(lambda body: json.dumps(json.loads(body)).encode(), id="serialised anew"),
        pytest.param(lambda body: body[:-1], id="cut"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_published_vector_is_over_the_raw_bytes(vector, change):
    body = change(vector["payload"].encode())
    assert not check(vector["public_key_pem"], vector["signature_b64"], body)


@pytest.mark.parametrize(
    "header",
    ["", "not base64!", "YQ", "YR==", " YQ==", "YQ==\n", "YQ-_", "é", "A" * 400, "=" * 8],
    ids=["empty", "signs", "no padding", "spare bits", "space", "newline", "url-safe", "non-ASCII",
         "too long", "padding only"],
)  # fmt: skip
def test_header_that_is_no_canonical_base64_is_malformed(header):
    assert decode_signature(header) is None


def test_bytes_that_are_no_signature_are_a_wrong_signature():
    key = load_key(SigningKey().pem)
    assert key is not None
    good = base64.b64decode(SigningKey().sign(b"body"))
    for bad in [
        b"\x00",
        b"no der at all",
        good[:-1],
        good + b"\x00",
        encode_dss_signature(0, 1),
        encode_dss_signature(1, 0),
        encode_dss_signature(0, 0),
    ]:
        assert not is_signed(key, bad, b"body")


def test_der_with_bytes_after_its_end_is_wrong_though_the_signature_is_right():
    signer = SigningKey()
    key = load_key(signer.pem)
    assert key is not None
    signature = base64.b64decode(signer.sign(b"body"))
    assert is_signed(key, signature, b"body")
    assert not is_signed(key, signature + b"\x00", b"body")


@pytest.mark.parametrize(
    "private",
    [
        pytest.param(lambda: ec.generate_private_key(ec.SECP384R1()), id="P-384"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), id="secp256k1"),
        pytest.param(lambda: rsa.generate_private_key(65537, 2048), id="RSA"),
    ],
)
def test_key_of_another_kind_is_not_used(private):
    pem = (
        private()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert load_key(pem.decode()) is None


@pytest.mark.parametrize(
    "pem",
    ["", "PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "\ud800x"[1:]],
)
def test_text_that_is_no_key_is_not_used(pem):
    assert load_key(pem) is None
