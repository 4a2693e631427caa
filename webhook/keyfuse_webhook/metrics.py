"""What is counted, for Prometheus: names, units, and the page that shows them.

Labels are words of ours or of the settings, never of a request; no id of a key or owner is one.
The counters are those of this process. Jobs are counted in the database when somebody looks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.jobs_model import JobCount

REGISTRY = CollectorRegistry()

ALERTS = Counter(
    "keyfuse_alerts",
    "Deliveries of partner alerts, by origin and outcome: answered, or why not.",
    ["origin", "outcome"],
    registry=REGISTRY,
)
ALERT_RECORDS = Counter(
    "keyfuse_alert_records",
    "Records of answered alerts, by origin and label.",
    ["origin", "label"],
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "keyfuse_webhook_deliveries",
    "Deliveries of webhooks, by event and outcome.",
    ["event", "outcome"],
    registry=REGISTRY,
)
REPORTS = Counter(
    "keyfuse_reports",
    "Anonymous reports of leaked keys, by outcome: accepted, or why not.",
    ["outcome"],
    registry=REGISTRY,
)
LEAKED_KEYS = Counter(
    "keyfuse_leaked_keys",
    "Keys that changed because they leaked, by who reported it and what was done.",
    ["by", "action"],
    registry=REGISTRY,
)
TO_DEATH = Histogram(
    "keyfuse_receipt_to_revocation_seconds",
    "From the arrival of a report to the commit that revoked the key.",
    ["by"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 300),
    registry=REGISTRY,
)
SIGNING_KEY_FETCHES = Counter(
    "keyfuse_signing_key_fetches",
    "Fetches of an origin's signing keys, by outcome.",
    ["origin", "outcome"],
    registry=REGISTRY,
)
MISNAMED_SIGNING_KEYS = Counter(
    "keyfuse_misnamed_signing_keys",
    "Signing keys listed under an id that is not the SHA-256 of their PEM; they are used.",
    ["origin"],
    registry=REGISTRY,
)
JOBS_ENDED = Counter(
    "keyfuse_jobs_ended",
    "Jobs that came to an end in this process, by kind and state.",
    ["kind", "state"],
    registry=REGISTRY,
)
ATTEMPTS_POSTPONED = Counter(
    "keyfuse_job_attempts_postponed",
    "Attempts at jobs that came to nothing and are made again, by kind.",
    ["kind"],
    registry=REGISTRY,
)

Count = Callable[[], Sequence[JobCount]]


def page(count: Count | None) -> tuple[bytes, str]:
    """The metrics as text, and the type of that text.

    Args:
        count: Counts jobs in the database; None leaves them out.
    """
    whole = CollectorRegistry()
    for collector in (_Of(REGISTRY), *([_Jobs(count)] if count else ())):
        whole.register(collector)
    return generate_latest(whole), CONTENT_TYPE_LATEST


@contextmanager
def listening(host: str, port: int | None, count: Count) -> Iterator[None]:
    """Show the metrics of this process on a port of its own inside the block; None shows none.

    Raises:
        InvalidSetting: The port cannot be had.
    """
    if port is None:
        yield
        return
    whole = CollectorRegistry()
    whole.register(_Of(REGISTRY))
    whole.register(_Jobs(count))
    try:
        server, thread = start_http_server(port, host, whole)
    except OSError as error:
        raise InvalidSetting(
            f"cannot listen on {host}, port {port}, for metrics: {error.strerror}"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Of(Collector):
    """Everything of another registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        return self._registry.collect()


class _Jobs(Collector):
    """Jobs that wait, run or ended badly, as the database has them."""

    def __init__(self, count: Count) -> None:
        self._count = count

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering asks no database."""
        return []

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily(
            "keyfuse_jobs",
            "Jobs that wait, run, or ended badly, by kind and state.",
            labels=["kind", "state"],
        )
        oldest = GaugeMetricFamily(
            "keyfuse_oldest_job_seconds",
            "How long ago the oldest of them was enqueued.",
            labels=["kind", "state"],
        )
        numbers: dict[tuple[str, str], int] = {}
        since: dict[tuple[str, str], int] = {}
        for one in self._count():
            which = (one.kind, one.state)
            numbers[which] = numbers.get(which, 0) + one.number
            since[which] = min(since.get(which, one.oldest_ms), one.oldest_ms)
        for labels, number in sorted(numbers.items()):
            jobs.add_metric(labels, number)
            oldest.add_metric(labels, max(0.0, time() - since[labels] / 1000))
        return [jobs, oldest]
