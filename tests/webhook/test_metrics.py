"""What is counted, and that it says nothing it should not."""

import json

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook import metrics
from keyfuse_webhook.mail_sink import free_port
from support.hunt import holds_key
from support.service import end, running_service, service_environment, start_worker
from support.webhook import eventually, post_alert, record


def value(name, **labels):
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


class Watch:
    """How much a metric has grown since this was made."""

    def __init__(self, name, **labels):
        self._name, self._labels = name, labels
        self._before = value(name, **labels)

    def grown(self):
        return value(self._name, **self._labels) - self._before


def shown(text):
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in families(text)
        for one in family.samples
    }


def test_alert_is_counted_by_outcome_and_its_records_by_label(service):
    answered = Watch("keyfuse_alerts_total", origin="github", outcome="answered")
    ours = Watch("keyfuse_alert_records_total", origin="github", label="true_positive")
    others = Watch("keyfuse_alert_records_total", origin="github", label="false_positive")
    leaked = Watch("keyfuse_leaked_keys_total", by="github", action="revoke")
    timed = Watch("keyfuse_receipt_to_revocation_seconds_count", by="github")
    token = service.issue().token.reveal()
    for _ in range(2):
        service.alert(record(token), record("no key"), record("none either"))
    assert (answered.grown(), ours.grown(), others.grown()) == (2, 2, 4)
    assert (leaked.grown(), timed.grown()) == (1, 1)


@pytest.mark.parametrize(
    ("change", "origin", "word"),
    [
        (lambda _b, _h: (b"[]", {}), "unknown", "signature_missing"),
        (lambda b, h: (b + b" ", h), "github", "signature_invalid"),
        (lambda b, h: (b, h | {"Content-Encoding": "gzip"}), "github", "encoded_body"),
    ],
)
def test_each_refusal_has_its_word(service, github, change, origin, word):
    refused = Watch("keyfuse_alerts_total", origin=origin, outcome=word)
    service.post(*change(*github.alert([])))
    assert refused.grown() == 1


def test_signing_key_under_a_wrong_name_is_counted(service, github):
    misnamed = Watch("keyfuse_misnamed_signing_keys_total", origin="github")
    listed = json.loads(github.key_list())["public_keys"]
    odd = dict(listed[0], key_identifier="odd")
    github.body = json.dumps({"public_keys": [odd, *listed]}).encode()
    assert service.alert().status_code == 200
    assert misnamed.grown() == 1


def test_reports_and_jobs_are_counted(service, work):
    accepted = Watch("keyfuse_reports_total", outcome="accepted")
    refused = Watch("keyfuse_reports_total", outcome="invalid_report")
    ended = Watch("keyfuse_jobs_ended_total", kind="notify", state="undeliverable")
    issued = service.issue()
    service.request("POST", "/v1/leaks", json={"tokens": [issued.token.reveal()]})
    service.request("POST", "/v1/leaks", content=b"{")
    work(service.store)
    eventually(lambda: ended.grown() == 1)
    assert (accepted.grown(), refused.grown()) == (1, 1)


def test_event_never_heard_of_makes_no_series_of_its_own(settings, open_service):
    service = open_service(settings(KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret"))
    other = Watch("keyfuse_webhook_deliveries_total", event="other", outcome="signature_missing")
    service.request("POST", "/github/webhooks", headers={"X-GitHub-Event": "a-new-one"})
    assert other.grown() == 1


def test_page_shows_counters_and_the_jobs_of_the_database(settings, open_service):
    service = open_service(settings())
    page = httpx.Response(200, content=metrics.page(service.queue.count)[0]).text
    assert ("keyfuse_jobs", (("kind", "notify"), ("state", "waiting"))) not in shown(page)
    token = service.issue().token.reveal()
    service.alert(record(token))
    found = shown(metrics.page(service.queue.count)[0].decode())
    waiting = (("kind", "notify"), ("state", "waiting"))
    assert found["keyfuse_jobs", waiting] == 1
    assert found["keyfuse_oldest_job_seconds", waiting] >= 0
    assert not holds_key(metrics.page(service.queue.count)[0])


@pytest.mark.parametrize(("role", "status"), [("private", 200), ("all", 200), ("public", 404)])
def test_page_is_in_the_private_half(settings, open_service, role, status):
    service = open_service(settings(), role=role)
    answer = service.request("GET", "/metrics")
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["content-type"].startswith("text/plain")
        assert ("keyfuse_alerts_total" in answer.text) or "keyfuse_alerts" in answer.text


def test_service_and_worker_show_metrics_on_ports_of_their_own(tmp_path, github, sink):
    port, ports, log = free_port(), (free_port(), free_port()), tmp_path / "log"
    environment = service_environment(
        tmp_path / "home",
        KEYFUSE_GITHUB_PARTNER_KEYS_URL=github.keys_url,
        KEYFUSE_SMTP_URL=sink.url,
    )

    def metric(number, name, **labels):
        answer = httpx.get(f"http://127.0.0.1:{ports[number]}/metrics", trust_env=False)
        return shown(answer.text).get((name, tuple(sorted(labels.items()))), 0.0)

    options = ["--role", "public", "--no-worker", "--metrics-port", str(ports[0])]
    with (
        KeyStore.open(settings=Settings.load(environment)) as store,
        running_service(port, environment, log, *options),
    ):
        worker = start_worker(environment, log, "--metrics-port", str(ports[1]))
        token = store.issue(prefix="acme_live", owner="o@example.com").token.reveal()
        assert post_alert(port, github, record(token)) == ["true_positive"]
        assert metric(0, "keyfuse_alerts_total", origin="github", outcome="answered") == 1
        eventually(lambda: sink.mails, 30)
        eventually(lambda: metric(1, "keyfuse_jobs_ended_total", kind="tell-mail", state="done"))
        end(worker)
    assert "Traceback" not in log.read_text("utf-8")
