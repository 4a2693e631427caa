"""`keyfuse worker` as a process: it does the jobs of a service that does none."""

import signal
import subprocess
import sys

import pytest

from keyfuse_store import KeyStore, revisions
from keyfuse_store.database import open_database
from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import free_port
from support.backends import BACKENDS
from support.postgres import postgres_server
from support.service import running_service, running_worker, service_environment
from support.webhook import eventually, post_alert, record

PEPPERS = "1:" + "cGVwcGVy" * 6


@pytest.fixture(params=BACKENDS)
def environment(request, tmp_path, github, sink):
    settings = {
        "KEYFUSE_GITHUB_PARTNER_KEYS_URL": github.keys_url,
        "KEYFUSE_SMTP_URL": sink.url,
        "KEYFUSE_PEPPERS": PEPPERS,
    }
    if request.param == "sqlite":
        yield service_environment(tmp_path / "home", **settings)
        return
    with postgres_server().database() as url:
        database = open_database(url)
        revisions.upgrade(database)
        database.close()
        yield service_environment(tmp_path / "home", **settings, KEYFUSE_DATABASE_URL=url)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_mails_what_a_service_without_one_enqueued(environment, log, github, sink, number):
    port = free_port()
    with (
        KeyStore.open(settings=Settings.load(environment)) as store,
        running_service(port, environment, log, "--no-worker"),
    ):
        token = store.issue(prefix="acme_live", owner="o@example.com").token.reveal()
        assert post_alert(port, github, record(token)) == ["true_positive"]
        assert store.verify(token).code == "revoked"
        assert not sink.mails
        with running_worker(environment, log) as worker:
            eventually(lambda: sink.mails, 30)
            worker.send_signal(number)
            assert worker.wait(30) == 0
    assert "Traceback" not in log.read_text("utf-8")
    assert token[-38:] not in log.read_text("utf-8")


def test_what_cannot_work_is_one_line_and_exit_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "keyfuse_scanner", "worker"],
        env=service_environment(tmp_path, KEYFUSE_DATABASE_URL="mysql://x/y"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "mysql" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
