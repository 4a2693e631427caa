"""How long do partner alerts take until every leaked key is dead and the sender has its answer?

    python benchmarks/alerts.py [--postgresql URL] [--rounds 300] [--small]

A real service in a process of its own, without a worker, over HTTP on loopback; only GitHub is a
stand-in. Printed are one alert with one key (median, 99 of 100, worst), 1,000 records of which 100
are live keys, and 50,000 records with 5,000 live keys of 500 owners. After each answer every key
that was sent is looked up: it has to be dead. Bars: 50 ms (99 of 100), 1 s, 20 s.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from keyfuse_rules import Secret
from keyfuse_store import KeyStore, revisions
from keyfuse_store.database import open_database
from keyfuse_store.issue import KeyOrder
from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import free_port
from keyfuse_webhook.standin import StandInGitHub

_WARM = 30
_PEPPERS = "1:" + "cGVwcGVy" * 6


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="keyfuse-alerts") as folder, StandInGitHub() as github:
        environment = _environment(Path(folder), github, options.postgresql)
        if options.postgresql:
            database = open_database(options.postgresql)
            revisions.upgrade(database)
            database.close()
        with (
            KeyStore.open(settings=Settings.load(environment)) as store,
            _service(environment, Path(folder)) as (client, process),
        ):
            sender = _Sender(store, github, client)
            print("PostgreSQL" if options.postgresql else "SQLite")
            _single(sender, options.rounds)
            _batch(sender, process, 1_000, 100, 10)
            if not options.small:
                _batch(sender, process, 50_000, 5_000, 500)


class _Sender:
    """Issues keys and sends them as GitHub would."""

    def __init__(self, store: KeyStore, github: StandInGitHub, client: httpx.Client) -> None:
        self._store = store
        self._github = github
        self._client = client

    def issue(self, keys: int, owners: int) -> list[Secret]:
        orders = [
            KeyOrder(prefix="acme_live", owner=f"owner{number % owners}@example.com")
            for number in range(keys)
        ]
        return [issued.token for issued in self._store.issue_many(orders)]

    def send(self, tokens: Sequence[Secret], records: int) -> float:
        """Seconds until the answer; afterwards every key is seen to be dead."""
        step = records // len(tokens)
        told = [{"token": f"no key {number}", "type": "acme"} for number in range(records)]
        for number, token in enumerate(tokens):
            told[number * step] = {
                "token": token.reveal(),
                "type": "acme",
                "url": "",
                "source": "commit",
            }
        body, headers = self._github.alert(told)
        begun = time.perf_counter()
        answer = self._client.post("/github/partner-alerts", content=body, headers=headers)
        took = time.perf_counter() - begun
        ours = sum(entry["label"] == "true_positive" for entry in answer.json())
        assert (answer.status_code, ours) == (200, len(tokens)), answer.text[:200]
        assert all(self._store.verify(token).code == "revoked" for token in tokens)
        return took


def _single(sender: _Sender, rounds: int) -> None:
    tokens = sender.issue(rounds + _WARM, 50)
    times = [sender.send([token], 1) for token in tokens][_WARM:]
    times.sort()
    worst_of_100 = times[int(len(times) * 0.99)]
    print(
        f"  1 key: median {statistics.median(times) * 1000:.1f} ms, "
        f"99 of 100 {worst_of_100 * 1000:.1f} ms (bar 50), worst {times[-1] * 1000:.1f} ms"
    )


def _batch(
    sender: _Sender, process: "subprocess.Popen[bytes]", records: int, keys: int, owners: int
) -> None:
    tokens = sender.issue(keys, owners)
    cpu = _cpu_seconds(process.pid)
    took = sender.send(tokens, records)
    bar = 1 if records <= 1_000 else 20
    print(
        f"  {records:,} records, {keys:,} live keys of {owners} owners: {took:.2f} s (bar {bar}), "
        f"CPU of the service {_cpu_seconds(process.pid) - cpu:.2f} s"
    )


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _environment(home: Path, github: StandInGitHub, url: str | None) -> dict[str, str]:
    settings = {
        "KEYFUSE_HOME": str(home),
        "KEYFUSE_PEPPERS": _PEPPERS,
        "KEYFUSE_GITHUB_PARTNER_KEYS_URL": github.keys_url,
    }
    kept = {name: text for name, text in os.environ.items() if not name.startswith("KEYFUSE_")}
    return kept | settings | ({"KEYFUSE_DATABASE_URL": url} if url else {})


@contextmanager
def _service(
    environment: dict[str, str], folder: Path
) -> "Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]":
    port = free_port()
    command = [sys.executable, "-m", "keyfuse_scanner", "serve", "--no-worker", "--port", str(port)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120) as client,
    ):
        while True:
            try:
                client.get("/healthz").raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield client, process
        process.send_signal(signal.SIGTERM)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postgresql", metavar="URL", help="an empty database")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--small", action="store_true", help="without the largest batch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
