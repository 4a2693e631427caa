"""The odd ends of partner alerts that receivers in production got wrong, each with its answer."""

import base64
import hashlib
import json
import sqlite3
import threading
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from keyfuse_store import audit
from keyfuse_store.importing import OldKey
from keyfuse_store.issue import KeyOrder
from keyfuse_webhook import notification
from keyfuse_webhook.model import GITHUB
from support.webhook import eventually, record


def signed(github, change):
    """A delivery whose DER signature was changed."""
    body, headers = github.alert([])
    der = base64.b64decode(headers[GITHUB.signature_header])
    headers[GITHUB.signature_header] = base64.b64encode(change(der)).decode()
    return body, headers


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda der: der + b"\0", id="trailing byte"),
        pytest.param(lambda der: der[:-1], id="one byte short"),
        pytest.param(lambda _: encode_dss_signature(0, 1), id="r is 0"),
        pytest.param(lambda _: encode_dss_signature(1, 0), id="s is 0"),
        pytest.param(lambda _: encode_dss_signature(1, 2**256 - 1), id="s above the order"),
    ],
)
def test_signature_that_is_almost_one_is_401(service, github, change):
    answer = service.post(*signed(github, change))
    # What is longer than a P-256 signature can be is malformed.
    assert (answer.status_code, answer.json()["code"]) in {
        (401, "signature_invalid"),
        (400, "signature_malformed"),
    }


def test_short_s_is_a_signature_like_any_other(service, github):
    body = b"[]"
    for number in range(5000):
        body = b"[" + b" " * number + b"]"
        headers = github.sign(body)
        if len(base64.b64decode(headers[GITHUB.signature_header])) < 70:
            break
    assert service.post(body, headers).status_code == 200


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(ec.generate_private_key(ec.SECP384R1()), id="P-384"),
        pytest.param(rsa.generate_private_key(65537, 2048), id="RSA"),
    ],
)
def test_listed_key_of_another_kind_signs_nothing_and_spares_the_others(service, github, key):
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    odd = {"key_identifier": "odd", "key": pem.decode(), "is_current": True}
    listed = json.loads(github.key_list())["public_keys"]
    github.body = json.dumps({"public_keys": [odd, *listed]}).encode()
    assert service.alert().status_code == 200
    body = b"[]"
    made = (
        key.sign(body, ec.ECDSA(SHA256()))
        if isinstance(key, ec.EllipticCurvePrivateKey)
        else b"x" * 70
    )
    headers = {GITHUB.id_header: "odd", GITHUB.signature_header: base64.b64encode(made).decode()}
    assert service.post(body, headers).status_code in {400, 401}


@pytest.mark.parametrize("change", [lambda b: b + b"\n", lambda b: b.rstrip(), lambda b: b" " + b])
def test_signature_is_over_the_very_bytes(service, github, change):
    body = b'[{"token": "x"}] '
    headers = github.sign(body)
    assert service.post(change(body), headers).json()["code"] == "signature_invalid"


def test_order_and_repetition_of_fields_do_not_matter(service, github):
    issued = service.issue()
    token = issued.token.reveal()
    first = json.dumps({"source": "commit", "url": "", "type": "t", "token": token})
    twice = f'{{"token": "other", "token": {json.dumps(token)}, "type": "t"}}'
    body = f"[{first},{twice}]".encode()
    answer = service.post(body, github.sign(body)).json()
    assert [entry["label"] for entry in answer] == ["true_positive"] * 2
    assert service.state(issued) == "revoked"


def test_key_from_before_keyfuse_is_ours_too(settings, open_service):
    config = """
        [[key_types]]
        prefix = "acme_live"
        legacy = { pattern = "ak_[0-9a-f]{40}", hash = "sha256" }
        """
    service = open_service(settings(config))
    old = "ak_" + hashlib.sha256(b"old").hexdigest()[:40]
    digest = hashlib.sha256(old.encode()).hexdigest()
    one = OldKey(KeyOrder(prefix="acme_live", owner="owner@example.com"), digest)
    (key_id,) = service.store.import_keys([one]).added
    assert service.labels(record(old)) == ["true_positive"]
    assert service.store.get(key_id).state == "revoked"


@pytest.mark.parametrize("leaked", ["old", "new"])
def test_leaked_half_of_a_rotation_dies_alone(service, leaked):
    issued = service.issue()
    rotated = service.store.rotate(issued.key.id, overlap=timedelta(hours=1))
    halves = {"old": issued.token, "new": rotated.token}
    assert service.labels(record(halves.pop(leaked).reveal())) == ["true_positive"]
    (other,) = halves.values()
    assert service.store.verify(other).code == "valid"


def test_owner_of_a_key_cannot_be_deleted_so_nobody_is_left_untold(service):
    issued = service.issue()
    shell = sqlite3.connect(service.store.database.path)
    shell.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError):
        shell.execute("DELETE FROM kf_owners WHERE id = ?", [issued.key.owner_id])
    shell.close()


def test_mail_that_is_gone_is_not_sent_again_when_its_end_cannot_be_written(
    settings, open_service, sink, work, monkeypatch
):
    service = open_service(settings(KEYFUSE_SMTP_URL=sink.url))
    write, calls = notification._conclude, []

    def fails_twice(*arguments):
        calls.append(arguments)
        if len(calls) <= 2:
            raise sqlite3.OperationalError("disk I/O error")
        write(*arguments)

    monkeypatch.setattr(notification, "_conclude", fails_twice)
    service.alert(record(service.issue().token.reveal()))
    work(service.store)
    eventually(lambda: len(calls) == 3)
    eventually(lambda: [job.state for job in service.queue.list(kind="tell-mail")] == ["done"])
    assert len(sink.mails) == 1
    with service.store.read() as connection:
        entries = audit.entries(connection, limit=100)
    assert [entry.action for entry in entries].count("owner.notified") == 1


def test_verification_meanwhile_says_valid_or_revoked_and_never_goes_back(service):
    issued = service.issue()
    seen, ended = [], threading.Event()

    def ask():
        while not ended.is_set():
            seen.append(service.store.verify(issued.token).code)

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: seen)
    assert service.labels(record(issued.token.reveal())) == ["true_positive"]
    after = service.store.verify(issued.token).code
    ended.set()
    asking.join()
    assert after == "revoked"
    assert set(seen) <= {"valid", "revoked"}
    assert seen == sorted(seen, key=["valid", "revoked"].index)
