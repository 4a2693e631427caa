"""Twenty times `kill -9` in a stream of alerts: nothing is lost, nothing is done twice.

The service is a real process, the mail goes to a real SMTP server, the database is the
embedded one. Only GitHub is a stand-in.
"""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from keyfuse_store import KeyStore, audit
from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import MailSink, free_port
from keyfuse_webhook.standin import StandInGitHub
from support.service import service_environment, start_service
from support.webhook import eventually, record, text_of

KILLS = 20
SENDERS = 4
KEYS = 240
OWNERS = 60


class Stream:
    """Sends one alert after the other for as long as it takes, as GitHub would: no 200, again."""

    def __init__(self, port, github, issued):
        self._url = f"http://127.0.0.1:{port}/github/partner-alerts"
        self._github = github
        self._left = list(issued)
        self._lock = threading.Lock()
        self.accepted = []
        self.stop = threading.Event()

    def send(self):
        with httpx.Client(trust_env=False, timeout=20) as client:
            while not self.stop.is_set():
                with self._lock:
                    if not self._left:
                        return
                    issued = self._left.pop()
                while not self.stop.is_set() and not self._delivered(client, issued):
                    time.sleep(0.02)

    def _delivered(self, client, issued):
        body, headers = self._github.alert([record(issued.token.reveal())])
        try:
            answer = client.post(self._url, content=body, headers=headers)
        except httpx.TransportError:
            return False
        if answer.status_code != 200:
            return False
        assert answer.json()[0]["label"] == "true_positive"
        self.accepted.append(issued.key)
        time.sleep(random.uniform(0, 0.1))
        return True


@pytest.mark.timeout(280)
def test_service_killed_at_20_random_moments_loses_nothing(tmp_path):
    port, log = free_port(), tmp_path / "service.log"
    with StandInGitHub() as github, MailSink() as sink:
        environment = service_environment(
            tmp_path / "home",
            KEYFUSE_GITHUB_PARTNER_KEYS_URL=github.keys_url,
            KEYFUSE_SMTP_URL=sink.url,
        )
        with KeyStore.open(settings=Settings.load(environment)) as store:
            issued = [
                store.issue(prefix="acme_live", owner=f"owner{number % OWNERS}@example.com")
                for number in range(KEYS)
            ]
            stream = Stream(port, github, issued)
            with ThreadPoolExecutor(SENDERS) as senders:
                sending = [senders.submit(stream.send) for _ in range(SENDERS)]
                kill_again_and_again(port, environment, log, stream)
                process = start_service(port, environment, log)
                try:
                    # Some of the stream is sent while nothing is killed: the service recovered.
                    time.sleep(1)
                    stream.stop.set()
                    for one in sending:
                        one.result()
                    eventually(lambda: told(sink) >= {key.id for key in stream.accepted}, 60)
                    eventually(lambda: open_jobs(store) == 0, 30)
                finally:
                    process.terminate()
                    assert process.wait(20) == 0
            check(store, sink, stream)
    assert not any(one.token.reveal()[-38:] in log.read_text("utf-8") for one in issued)


def kill_again_and_again(port, environment, log, stream):
    for _ in range(KILLS):
        process = start_service(port, environment, log)
        before = len(stream.accepted)
        # Not before it has done something, then at any moment.
        deadline = time.monotonic() + 5
        while len(stream.accepted) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.4))
        process.kill()
        process.wait()


def told(sink):
    """The ids of the keys that mails name."""
    found = set()
    for mail in list(sink.mails):
        lines = text_of(mail).splitlines()
        found |= {line.split()[1] for line in lines if line.startswith("Key:")}
    return found


def open_jobs(store):
    query = "SELECT count(*) FROM workflow_status WHERE status != 'SUCCESS'"
    with store.read() as connection:
        return connection.scalar(sa.text(query))


def check(store, sink, stream):
    accepted = {key.id for key in stream.accepted}
    assert len(accepted) >= KILLS
    assert {store.get(key_id).state for key_id in accepted} == {"revoked"}
    with store.read() as connection:
        entries = audit.entries(connection, limit=100_000)
        assert audit.verify_chain(connection, store.peppers).problem is None
    deaths = Counter(entry.subject for entry in entries if entry.action == "key.revoked")
    assert set(deaths) >= accepted
    assert set(deaths.values()) == {1}
    # A key whose alert was cut off before its answer may be dead and told of, too: at least once.
    assert told(sink) >= set(deaths)
    sent = Counter(mail["Message-ID"] for mail in sink.mails)
    assert sum(sent.values()) - len(sent) <= KILLS
    named = Counter(
        key_id
        for mail in {mail["Message-ID"]: mail for mail in sink.mails}.values()
        for key_id in {
            line.split()[1] for line in text_of(mail).splitlines() if line.startswith("Key:")
        }
    )
    assert set(named.values()) == {1}
