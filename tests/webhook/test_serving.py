"""`keyfuse serve` as a process: what it says, what it refuses, how it ends."""

import json
import signal
import socket
import subprocess
import threading

import httpx
import pytest

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import free_port
from keyfuse_webhook.serving import MAKE_ROOT_KEY
from support.service import SERVE, running_service, service_environment
from support.webhook import eventually, record


@pytest.fixture
def environment(tmp_path, github, sink):
    return service_environment(
        tmp_path / "home",
        KEYFUSE_GITHUB_PARTNER_KEYS_URL=github.keys_url,
        KEYFUSE_SMTP_URL=sink.url,
        KEYFUSE_MAX_BODY="2MiB",
    )


@pytest.fixture
def log(tmp_path):
    return tmp_path / "service.log"


def post(port, path, body, headers=None):
    return httpx.post(
        f"http://127.0.0.1:{port}{path}", content=body, headers=headers, trust_env=False, timeout=30
    )


def test_alert_kills_the_key_and_mails_the_owner(environment, log, github, sink):
    port = free_port()
    with KeyStore.open(settings=Settings.load(environment)) as store:
        token = store.issue(prefix="acme_live", owner="o@example.com").token.reveal()
        with running_service(port, environment, log):
            question = json.dumps({"key": token})
            assert post(port, "/v1/verify", question).json()["code"] == "valid"
            answer = post(port, "/github/partner-alerts", *github.alert([record(token)]))
            assert answer.json()[0]["label"] == "true_positive"
            assert post(port, "/v1/verify", question).json()["code"] == "revoked"
            assert store.verify(token).code == "revoked"
            eventually(lambda: sink.mails)
    assert token[-38:] not in log.read_text("utf-8")


def test_too_large_bodies_are_413_on_a_real_connection(environment, log, github):
    port = free_port()
    body = b" " * (3 * 1024 * 1024)
    with running_service(port, environment, log):
        answer = post(port, "/github/partner-alerts", body, github.sign(body))
        assert answer.status_code == 413
        pieces = (b" " * 65536 for _ in range(48))
        answer = post(port, "/github/partner-alerts", pieces, github.sign(body))
        assert answer.status_code == 413
        assert post(port, "/github/partner-alerts", *github.alert([])).status_code == 200


def test_connection_that_breaks_in_the_body_harms_nobody(environment, log, github):
    port = free_port()
    with running_service(port, environment, log):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            body, headers = github.alert([])
            lines = [f"{name}: {value}" for name, value in headers.items()]
            head = "\r\n".join(
                ["POST /github/partner-alerts HTTP/1.1", "Host: x", "Content-Length: 999", *lines]
            )
            raw.sendall(head.encode() + b"\r\n\r\n[")
        assert post(port, "/github/partner-alerts", body, headers).status_code == 200
    assert "Traceback" not in log.read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_finishes_what_is_under_way_and_exits_0(environment, log, github, number):
    port = free_port()
    with KeyStore.open(settings=Settings.load(environment)) as store:
        issued = [store.issue(prefix="acme_live", owner="o@example.com") for _ in range(20)]
        records = [record(one.token.reveal()) for one in issued]
        records += [record(f"no key {count}") for count in range(10_000)]
        alert = github.alert(records)
        with running_service(port, environment, log) as process:
            post(port, "/github/partner-alerts", *github.alert([]))
            answers = []
            sender = threading.Thread(
                target=lambda: answers.append(post(port, "/github/partner-alerts", *alert))
            )
            sender.start()
            eventually(lambda: any(store.get(one.key.id).state == "revoked" for one in issued))
            process.send_signal(number)
            sender.join()
            assert process.wait(20) == 0
        assert [answer.status_code for answer in answers] == [200]
    assert "Traceback" not in log.read_text("utf-8")


def test_without_a_management_key_it_prints_the_command_that_makes_one(environment, log):
    with running_service(free_port(), environment, log):
        pass
    assert MAKE_ROOT_KEY in log.read_text("utf-8")


def test_a_misspelt_variable_is_warned_of(environment, log):
    misspelt = {"KEYFUSE_DRYRUN": "value", "KEYFUSE_PUBLIC_PORT_80_TCP": "tcp://10.0.0.1:80"}
    with running_service(free_port(), environment | misspelt, log):
        pass
    lines = [line for line in log.read_text("utf-8").splitlines() if "unknown_setting" in line]
    assert [json.loads(line)["variable"] for line in lines] == ["KEYFUSE_DRYRUN"]
    assert "value" not in lines[0]


def test_two_services_on_one_database_do_not_mail_twice(environment, log, github, sink):
    ports = free_port(), free_port()
    with (
        KeyStore.open(settings=Settings.load(environment)) as store,
        running_service(ports[0], environment, log) as first,
        running_service(ports[1], environment, log),
    ):
        for number in range(6):
            token = store.issue(prefix="acme_live", owner=f"o{number}@example.com").token.reveal()
            alert = github.alert([record(token)])
            assert post(ports[number % 2], "/github/partner-alerts", *alert).status_code == 200
        eventually(lambda: len(sink.mails) == 6)
        first.kill()
        token = store.issue(prefix="acme_live", owner="late@example.com").token.reveal()
        alert = github.alert([record(token)])
        assert post(ports[1], "/github/partner-alerts", *alert).status_code == 200
        eventually(lambda: len({mail["Message-ID"] for mail in sink.mails}) == 7, 30)
    # What was killed may have handed one over without having written that down.
    assert len(sink.mails) <= 8


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ({"KEYFUSE_DATABASE_URL": "mysql://x/y"}, [], "mysql"),
        ({"KEYFUSE_SMTP_URL": "http://x"}, [], "KEYFUSE_SMTP_URL"),
        ({}, ["--config", "/nowhere/keyfuse.toml"], "cannot be read"),
        ({}, ["--port", "busy"], "cannot listen on 127.0.0.1"),
    ],
    ids=["database", "mail", "config", "port"],
)
def test_what_cannot_work_is_one_line_and_exit_2(environment, settings, options, message):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = str(taken.getsockname()[1])
        done = subprocess.run(
            [*SERVE, *[busy if option == "busy" else option for option in options]],
            env=environment | settings,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
