"""Many repositories, four workers, two of them killed: all are scanned, and nothing is missing.

A few in the test run; SCANNED_REPOSITORIES=300 makes it three hundred, and PostgreSQL as well.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyfuse_scanner.engine import load_matcher
from keyfuse_scanner.git import Repository
from keyfuse_scanner.modes import scan_history
from keyfuse_scanner.reports.fields import finding_fields
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.scanning import Scanning
from keyfuse_store import KeyStore, audit, scans
from keyfuse_store.settings import Settings
from keyfuse_webhook.jobs import JobQueue
from keyfuse_webhook.jobs_model import JobStatus
from keyfuse_webhook.working import open_queue
from support.keys import make_key
from support.postgres import postgres_server
from support.service import service_environment

REPOSITORIES = int(os.environ.get("SCANNED_REPOSITORIES", "24"))
BACKENDS = ["sqlite", "postgresql"] if "SCANNED_REPOSITORIES" in os.environ else ["sqlite"]
KEYFUSE = [sys.executable, "-m", "keyfuse_scanner"]
OURS = 5


def make_repository(path: Path, keys: list[str], chance: random.Random) -> None:
    """A bare repository with a short history, in which some of the keys stand."""
    stream = ""
    for number in range(chance.randrange(2, 8)):
        message = f"change {chance.choice(keys)}" if chance.random() < 0.2 else "change"
        text = f"{number}\n" + "".join(f"{key}\n" for key in keys if chance.random() < 0.3)
        who = f"Ada <ada@example.com> {1_700_000_000 + number} +0000"
        stream += (
            f"commit refs/heads/main\nauthor {who}\ncommitter {who}\n"
            f"data {len(message)}\n{message}\n"
            f"M 100644 inline f{number % 3}.txt\ndata {len(text)}\n{text}\n"
        )
    subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=path, input=stream.encode(), check=True)


def scanned_here(paths: list[Path]) -> list[dict[str, object]]:
    """What one process finds, one repository after the other."""
    matcher = load_matcher()
    found = []
    for path in paths:
        examined = scan_history(Scanning(matcher, jobs=1), Repository(str(path)))
        result = conclude(examined, matcher)
        assert result.complete
        found += [
            {"repository": str(path), **finding_fields(finding, show_secrets=False)}
            for finding in result.findings
        ]
    return found


def kill_one_at_work(queue: JobQueue, workers: dict[int, "subprocess.Popen[bytes]"]) -> None:
    """Kill a worker in the middle of a part."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for job in queue.list(states=["running"], kind="scan-part"):
            worker = workers.pop(process_of(job), None)
            if worker is not None:
                worker.send_signal(signal.SIGKILL)
                worker.wait()
                return
        time.sleep(0.01)
    raise AssertionError("no worker was ever seen at work")


def process_of(job: JobStatus) -> int:
    return int((job.worker or ".0.").rsplit(".", 2)[1])


@pytest.fixture(params=BACKENDS)
def environment(request, tmp_path):
    """Of a service on a database of its own."""
    if request.param == "sqlite":
        yield service_environment(tmp_path / "home")
        return
    with postgres_server().database() as url:
        peppers = "1:" + "A" * 44
        made = service_environment(
            tmp_path / "home", KEYFUSE_DATABASE_URL=url, KEYFUSE_PEPPERS=peppers
        )
        subprocess.run([*KEYFUSE, "db", "upgrade"], env=made, check=True)
        yield made


@contextmanager
def four_workers(environment, log):
    """Workers by process id; those that are left are told to end."""
    command = [*KEYFUSE, "worker"]
    started = [subprocess.Popen(command, env=environment, stdout=log, stderr=log) for _ in range(4)]
    workers = {worker.pid: worker for worker in started}
    try:
        yield workers
        for worker in workers.values():
            worker.terminate()
            assert worker.wait(60) == 0
    finally:
        for worker in started:
            worker.kill()
            worker.wait()


@pytest.mark.timeout(280 if len(BACKENDS) == 1 else 1800)
def test_all_is_scanned_though_two_of_four_workers_are_killed(environment, tmp_path, planted):
    chance = random.Random(1)
    paths = [planted / f"r{number}" for number in range(REPOSITORIES)]
    listed = tmp_path / "list"
    listed.write_text("".join(f"{path}\n" for path in paths))
    with KeyStore.open(settings=Settings.load(environment)) as store:
        issued = [store.issue(prefix="acme_live", owner="o@example.com") for _ in range(OURS)]
        ours = [one.token.reveal() for one in issued]
        keys = [*ours, *(make_key("other", number).reveal() for number in range(20))]
        for path in paths:
            make_repository(path, [*ours[:1], *chance.sample(keys, 6)], chance)
        command = [*KEYFUSE, "github", "scan-org", "--path-list", str(listed), "--no-worker"]
        begun = time.monotonic()
        with (tmp_path / "log").open("wb") as log, four_workers(environment, log) as workers:
            scan = subprocess.Popen(
                [*command, "--json"], env=environment, stdout=subprocess.PIPE, stderr=log
            )
            with open_queue(store) as queue:
                for _ in range(2):
                    kill_one_at_work(queue, workers)
            out, _ = scan.communicate(timeout=1500)
        print(f"{REPOSITORIES} repositories in {time.monotonic() - begun:.1f} s")
        told = json.loads(out)
        assert told["summary"]["repositories"] == REPOSITORIES
        assert (told["errors"], told["summary"]["complete"]) == ([], True)
        assert told["findings"] == scanned_here(paths)
        assert len(told["findings"]) > REPOSITORIES
        with store.read() as connection:
            revoked = audit.entries(connection, action="key.revoked", limit=1000)
            assert scans.progress(connection, told["scan"]).done == REPOSITORIES
        assert sorted(entry.subject for entry in revoked) == sorted(one.key.id for one in issued)
