"""`kill -9` of services and workers amid alerts and pushes: nothing is lost or done twice.

Everything runs as processes of their own: a service that runs jobs too, and workers. The mail
goes to a real SMTP server, pushes to a real git server, the database is the embedded one or a real
PostgreSQL. Only GitHub is a stand-in.

The short form runs with the other tests: the embedded service is killed at 20 random moments, and
a few processes of many on PostgreSQL, with nobody there to take mail. FULL_KILLS=1 sends 200 alerts
and pushes and kills a random process every two seconds until all are sent, in four combinations.
"""

import itertools
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import httpx
import pytest

from keyfuse_store import KeyStore, audit, revisions
from keyfuse_store.database import open_database
from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import MailSink, free_port
from keyfuse_webhook.standin import StandInGitHub
from keyfuse_webhook.working import open_queue
from support.githttp import GitServer
from support.hooks import push_payload, signed
from support.http_sink import HttpSink
from support.postgres import postgres_server
from support.service import end, start_service, start_worker
from support.service import service_environment as environment_of
from support.webhook import eventually, record, text_of

FULL = bool(os.environ.get("FULL_KILLS"))
SENDERS, REPOSITORIES = 4, 2
OWNERS = 12


class Scale(NamedTuple):
    """How much is sent, and how often somebody is killed; pauses in seconds, on average."""

    alerts: int
    pushes: int
    kills: int
    workers: int
    between_kills: float
    between_leaks: float


LONG = Scale(160, 40, kills=30, workers=2, between_kills=2.0, between_leaks=1.0)
MANY_KILLS = Scale(90, 6, kills=20, workers=0, between_kills=0.3, between_leaks=0.4)
FEW_KILLS = Scale(20, 4, kills=3, workers=2, between_kills=0.5, between_leaks=0.2)
SHORT_WAYS = [("sqlite", "up", MANY_KILLS), ("postgresql", "down", FEW_KILLS)]
LONG_WAYS = [(kind, at, LONG) for kind in ("sqlite", "postgresql") for at in ("up", "down")]


class World:
    """The processes under test, what they talk to, and what was sent to them."""

    def __init__(self, scale, environment, github, git, store, log):
        self.scale, self.environment, self.github, self.git = scale, environment, github, git
        self.store, self.log = store, log
        self.port = free_port()
        self.processes = {}
        self.accepted = []
        self.killed = 0

    def start(self, name):
        self.processes[name] = (
            start_service(self.port, self.environment, self.log)
            if name == "service"
            else start_worker(self.environment, self.log)
        )

    def kill_one(self):
        """At any moment, but not before something was taken since the last time."""
        before, patience = len(self.accepted), time.monotonic() + 5
        while len(self.accepted) == before and time.monotonic() < patience:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 2 * self.scale.between_kills))
        name = random.choice(sorted(self.processes))
        process = self.processes[name]
        process.kill()
        process.wait()
        self.killed += 1
        self.start(name)

    def issue(self, number):
        return self.store.issue(prefix="acme_live", owner=f"owner{number % OWNERS}@example.com")

    def send_alerts(self, issued):
        for one in issued:
            body, headers = self.github.alert([record(one.token.reveal())])
            self._post("/github/partner-alerts", body, headers, 200)
            self.accepted.append(one)
            self._pause()

    def send_pushes(self, remote, issued):
        for number, one in enumerate(issued):
            before = remote.git("rev-parse", "HEAD")
            after = remote.commit("a leak", **{f"f{number}_txt": f"KEY={one.token.reveal()}\n"})
            remote.push()
            payload = push_payload(remote.name, before, after, 1)
            body, headers = signed("push", payload, delivery=f"{remote.name}-{number}")
            self._post("/github/webhooks", body, headers, 202)
            self.accepted.append(one)
            self._pause()

    def _pause(self):
        time.sleep(random.uniform(0, 2 * self.scale.between_leaks))

    def _post(self, path, body, headers, wanted):
        """As whoever sends again until it is taken."""
        while True:
            try:
                url = f"http://127.0.0.1:{self.port}{path}"
                answer = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=20)
                if answer.status_code == wanted:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)


@pytest.fixture(params=LONG_WAYS if FULL else SHORT_WAYS, ids=lambda way: "-".join(way[:2]))
def way(request):
    return request.param


@pytest.fixture
def world(way, tmp_path, planted):
    mail_port, slack_port, log = free_port(), free_port(), tmp_path / "log"
    with ExitStack() as stack:
        github = stack.enter_context(StandInGitHub())
        git = stack.enter_context(GitServer(planted).running())
        environment = environment_of(
            tmp_path / "home",
            KEYFUSE_PEPPERS="1:" + "cGVwcGVy" * 6,
            KEYFUSE_GITHUB_PARTNER_KEYS_URL=github.keys_url,
            KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret",
            KEYFUSE_GITHUB_SERVER_URL=git.url,
            KEYFUSE_SMTP_URL=f"smtp://127.0.0.1:{mail_port}",
            KEYFUSE_SLACK_WEBHOOK_URL=f"http://127.0.0.1:{slack_port}/hook",
        )
        if way[0] == "postgresql":
            url = stack.enter_context(postgres_server().database())
            database = open_database(url)
            revisions.upgrade(database)
            database.close()
            environment["KEYFUSE_DATABASE_URL"] = url
        store = stack.enter_context(KeyStore.open(settings=Settings.load(environment)))
        world = World(way[2], environment, github, git, store, log)
        world.ports = mail_port, slack_port
        try:
            for name in ("service", *(f"worker-{number}" for number in range(way[2].workers))):
                world.start(name)
            yield world
        finally:
            for process in world.processes.values():
                process.kill()
                process.wait()


@pytest.mark.timeout(1500 if FULL else 280)
def test_processes_killed_at_random_lose_and_repeat_nothing(world, way):
    mail_port, slack_port = world.ports
    with ExitStack() as stack:
        if way[1] == "down":
            send_everything(world)
        sink = stack.enter_context(MailSink(mail_port))
        slack = stack.enter_context(HttpSink(slack_port))
        if way[1] == "up":
            send_everything(world)
        eventually(lambda: dead(world), 120)
        eventually(lambda: told(sink) >= {one.key.id for one in world.accepted}, 200)
        with open_queue(world.store) as queue:
            eventually(lambda: not queue.list(states=["waiting", "running"]), 200)
            assert queue.list(states=["undeliverable", "failed"]) == []
        for process in world.processes.values():
            end(process)
        check(world, sink, slack)
    log = world.log.read_text("utf-8", "replace")
    assert not any(one.token.reveal()[-38:] in log for one in world.accepted)
    print(f"{world.killed} kills, {len(sink.mails)} mails, {len(world.accepted)} leaks")


def send_everything(world):
    scale = world.scale
    alerts = [world.issue(number) for number in range(scale.alerts)]
    pushes = [world.issue(number) for number in range(scale.pushes)]
    remotes = [world.git.repository(f"acme/app{number}") for number in range(REPOSITORIES)]
    for remote in remotes:
        remote.commit("first", a_txt="clean\n")
        remote.push()
    with ThreadPoolExecutor(SENDERS + REPOSITORIES) as pool:
        sending = [pool.submit(world.send_alerts, alerts[n::SENDERS]) for n in range(SENDERS)]
        sending += [
            pool.submit(world.send_pushes, remote, pushes[n::REPOSITORIES])
            for n, remote in enumerate(remotes)
        ]
        while world.killed < scale.kills or not all(one.done() for one in sending):
            world.kill_one()
        for one in sending:
            one.result()
    assert len(world.accepted) == scale.alerts + scale.pushes


def dead(world):
    return all(world.store.get(one.key.id).state == "revoked" for one in world.accepted)


def named(mail):
    """The ids of the keys that a mail names."""
    return {line.split()[1] for line in text_of(mail).splitlines() if line.startswith("Key:")}


def told(sink):
    return set().union(*map(named, list(sink.mails)))


def check(world, sink, slack):
    with world.store.read() as connection:
        entries = audit.entries(connection, limit=100_000)
        assert audit.verify_chain(connection, world.store.peppers).problem is None
    accepted = {one.key.id for one in world.accepted}
    deaths = [entry.subject for entry in entries if entry.action == "key.revoked"]
    assert Counter(deaths) == Counter(accepted), "every leak is revoked once"
    notified = Counter(
        (entry.subject, entry.detail["by"], entry.detail["receipt"])
        for entry in entries
        if entry.action == "owner.notified"
    )
    assert set(notified.values()) == {1}, "no duplicates in the audit record"
    check_mails(world, sink, deaths)
    bodies = b"".join(one.body for one in slack.taken)
    assert all(key.encode() in bodies for key in accepted)


def check_mails(world, sink, deaths):
    ids = [mail["Message-ID"] for mail in sink.mails]
    assert len(ids) - len(set(ids)) <= world.killed, "at most one duplicate for each kill"
    first = {mail["Message-ID"]: mail for mail in reversed(sink.mails)}
    in_order = [first[one] for one in dict.fromkeys(ids)]
    times = Counter(itertools.chain.from_iterable(map(named, in_order)))
    assert set(times.values()) == {1}, "every key is told of in one mail"
    place = {key: number for number, key in enumerate(deaths)}
    for owner in {mail["To"] for mail in in_order}:
        found = [min(place[key] for key in named(m)) for m in in_order if m["To"] == owner]
        assert found == sorted(found), "an owner hears of things in their order"
