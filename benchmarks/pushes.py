"""How long does a push take from its webhook until the key in it is dead, and until the answer?

    python benchmarks/pushes.py [--postgresql URL] [--rounds 40] [--workers 0]

A real service in a process of its own, a real git server behind HTTP on loopback. Each round
commits a new key to a repository of two hundred commits, pushes it, and sends the webhook as GitHub
would. With workers, the service runs no jobs and they do. Printed are the time of the answer (bar
100 ms), the time until the key is dead (bar 2 s), the processor time of the service for each
webhook, and what the service takes while nothing happens.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from keyfuse_store import KeyStore, revisions
from keyfuse_store.database import open_database
from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import free_port
from support.githttp import GitServer, Remote
from support.hooks import push_payload, signed
from support.service import (
    running_service,
    running_worker,
    service_environment,
)

_WARM = 3
_HISTORY = 200
_OFTEN = 0.002
# Seconds.
_IDLE = 30


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="keyfuse-pushes") as name, ExitStack() as stack:
        folder = Path(name)
        git = stack.enter_context(GitServer(folder / "git").running())
        environment = service_environment(
            folder / "home",
            KEYFUSE_PEPPERS="1:" + "cGVwcGVy" * 6,
            KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret",
            KEYFUSE_GITHUB_SERVER_URL=git.url,
            **({"KEYFUSE_DATABASE_URL": options.postgresql} if options.postgresql else {}),
        )
        if options.postgresql:
            database = open_database(options.postgresql)
            revisions.upgrade(database)
            database.close()
        store = stack.enter_context(KeyStore.open(settings=Settings.load(environment)))
        port, log = free_port(), folder / "log"
        alone = ["--no-worker"] if options.workers else []
        service = stack.enter_context(running_service(port, environment, log, *alone))
        for _ in range(options.workers):
            stack.enter_context(running_worker(environment, log))
        time.sleep(3)
        remote = git.repository("acme/app")
        remote.commit("first", a_txt="clean\n")
        remote.commits(_HISTORY)
        remote.push()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            pushed = [_push(store, remote, client, service.pid) for _ in range(options.rounds)]
        _report(options, pushed[_WARM:])
        time.sleep(3)
        used = _cpu_seconds(service.pid)
        time.sleep(_IDLE)
        share = (_cpu_seconds(service.pid) - used) / _IDLE
        print(f"  idle: {share:.1%} of a core")


def _push(
    store: KeyStore, remote: Remote, client: httpx.Client, service: int
) -> tuple[float, float, float]:
    """Seconds until the answer, seconds until the key is dead, seconds of processor time."""
    issued = store.issue(prefix="acme_live", owner="owner@example.com")
    before = remote.git("rev-parse", "HEAD")
    after = remote.commit("a leak", a_txt=f"KEY={issued.token.reveal()}\n")
    remote.push()
    body, headers = signed("push", push_payload(remote.name, before, after, 1))
    used, begun = _cpu_seconds(service), time.perf_counter()
    answer = client.post("/github/webhooks", content=body, headers=headers)
    answered = time.perf_counter() - begun
    assert answer.status_code == 202, answer.text
    spent = _cpu_seconds(service) - used
    while store.verify(issued.token).code != "revoked":
        assert time.perf_counter() - begun < 60, "the key lives"
        time.sleep(_OFTEN)
    return answered, time.perf_counter() - begun, spent


def _report(options: argparse.Namespace, pushed: Sequence[tuple[float, float, float]]) -> None:
    database = "PostgreSQL" if options.postgresql else "SQLite"
    where = f"{options.workers} workers" if options.workers else "one process"
    answers, deaths, spent = (sorted(one) for one in zip(*pushed, strict=True))
    print(
        f"{database}, {where}, {len(pushed)} pushes\n"
        f"  answer: median {statistics.median(answers) * 1000:.1f} ms, "
        f"worst {answers[-1] * 1000:.1f} ms (bar 100), "
        f"processor time {statistics.mean(spent) * 1000:.1f} ms\n"
        f"  dead key: median {statistics.median(deaths):.2f} s, worst {deaths[-1]:.2f} s (bar 2)"
    )


def _cpu_seconds(pid: int) -> float:
    """Of all threads of a process, to the nanosecond."""
    return (
        sum(
            int((task / "schedstat").read_text().split()[0])
            for task in Path(f"/proc/{pid}/task").iterdir()
        )
        / 1e9
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postgresql", metavar="URL", help="an empty database")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--workers", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
