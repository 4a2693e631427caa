"""Several origins at one address: each with its own headers, keys and switch."""

import hashlib
import json
from http.client import HTTPConnection

import pytest

from keyfuse_store import KeyStore, leaks
from keyfuse_store.evidence import evidence_of
from keyfuse_store.settings import Settings
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.mail_sink import free_port
from keyfuse_webhook.model import Origin
from keyfuse_webhook.standin import StandInGitHub
from support.service import running_service, service_environment
from support.webhook import record

DEPS = Origin("deps.dev", "gosst-public-key-identifier", "gosst-public-key-signature")


@pytest.fixture
def deps():
    with StandInGitHub(DEPS) as standin:
        yield standin


@pytest.fixture
def config(deps):
    return f"""
        [[origins]]
        name = "deps.dev"
        id_header = "GOSST-PUBLIC-KEY-IDENTIFIER"
        signature_header = "GOSST-PUBLIC-KEY-SIGNATURE"
        keys_url = "{deps.keys_url}"
        """


def send(service, sender, *records):
    return service.post(*sender.alert(records))


def test_each_origin_is_known_by_its_headers_and_its_keys(settings, open_service, config, deps):
    service = open_service(settings(config))
    one, two = service.issue(), service.issue()
    for sender, issued in ((service.github, one), (deps, two)):
        answer = send(service, sender, record(issued.token.reveal()))
        assert answer.json()[0]["label"] == "true_positive"
        assert service.state(issued) == "revoked"
    with service.store.read() as connection:
        leak = leaks.for_key(connection, two.key.id)
        (kept,) = evidence_of(connection, leak.id)
    assert kept.evidence.origin == "deps.dev"


def test_key_of_one_origin_signs_nothing_for_another(settings, open_service, config, deps):
    service = open_service(settings(config))
    body, headers = deps.alert([])
    swapped = {
        service.github._origin.id_header: headers[DEPS.id_header],
        service.github._origin.signature_header: headers[DEPS.signature_header],
    }
    assert service.post(body, swapped).json()["code"] == "signing_key_unknown"


def test_nobody_is_two_origins_at_once(settings, open_service, config, deps):
    service = open_service(settings(config))
    body, headers = service.github.alert([])
    both = headers | {DEPS.id_header: "x"}
    assert service.post(body, both).json()["code"] == "signature_malformed"


@pytest.mark.parametrize("off", ["github", "deps.dev"])
def test_origin_that_is_switched_off_is_asked_to_come_again(
    settings, open_service, config, deps, off
):
    service = open_service(settings(config, KEYFUSE_DISABLED_ORIGINS=off))
    senders = {"github": service.github, "deps.dev": deps}
    issued = service.issue()
    answer = send(service, senders.pop(off), record(issued.token.reveal()))
    assert (answer.status_code, answer.json()["code"]) == (503, "origin_disabled")
    assert answer.headers["retry-after"]
    assert service.state(issued) == "active"
    (other,) = senders.values()
    assert send(service, other, record(issued.token.reveal())).status_code == 200
    assert service.state(issued) == "revoked"


def test_switch_for_nobody_is_refused_at_the_start(settings, open_service):
    with pytest.raises(InvalidSetting, match="no such origin: githb"):
        open_service(settings(KEYFUSE_DISABLED_ORIGINS="githb"))


@pytest.mark.shows_key
def test_feedback_names_the_token_itself_where_that_is_set(tmp_path, github):
    """The answer shows what was sent, so it is read past the hunt for keys in answers."""
    port = free_port()
    environment = service_environment(
        tmp_path / "home",
        KEYFUSE_GITHUB_PARTNER_KEYS_URL=github.keys_url,
        KEYFUSE_ALERT_FEEDBACK="raw",
    )
    log = tmp_path / "log"
    with (
        KeyStore.open(settings=Settings.load(environment)) as store,
        running_service(port, environment, log, "--no-worker"),
    ):
        token = store.issue(prefix="acme_live", owner="o@example.com").token.reveal()
        body, headers = github.alert([record(f" {token}\n"), record("no key")])
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/github/partner-alerts", body, headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
    assert answer == [
        {"token_raw": f" {token}\n", "token_type": "acme_key", "label": "true_positive"},
        {"token_raw": "no key", "token_type": "acme_key", "label": "false_positive"},
    ]
    assert token[-38:] not in log.read_text("utf-8")


def test_feedback_by_hash_is_of_the_token_as_received(service):
    token = f" {service.issue().token.reveal()}"
    (entry,) = service.alert(record(token)).json()
    assert entry["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
    assert "token_raw" not in entry
