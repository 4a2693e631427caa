"""Owners are warned before their keys end: once, in one mail, by the job worker."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from keyfuse_store import KeyStore
from keyfuse_webhook.expiry_warnings import WARN, expiry_watch, letter, look
from keyfuse_webhook.jobs import JobQueue, JobWorker
from keyfuse_webhook.jobs_model import Job, TryAgain
from keyfuse_webhook.notifiers.mail import NO_MAIL_SERVER
from keyfuse_webhook.owner_mail import NOTHING_TO_TELL, OwnerMail
from support.webhook import eventually

DAY = 86_400_000_000


@pytest.fixture
def store(settings, sink):
    options = settings(KEYFUSE_SMTP_URL=sink.url, KEYFUSE_MAIL_FROM="keyfuse@acme.example")
    with KeyStore.open(settings=options) as store:
        yield store


def issue(store, name="ci", owner="owner@example.com", days=90):
    return store.issue(
        prefix="acme_live",
        owner=owner,
        name=name,
        scopes=["invoices:read"],
        expires_in=timedelta(days=days),
    ).key


def let_pass(store, days):
    now = store.clock()
    store.clock = lambda: now + days * DAY


class Queue(list[Job]):
    def enqueue(self, _connection, job):
        self.append(job)


def jobs_of(store):
    queue = Queue()
    look(store, queue.enqueue)
    return queue


def test_one_job_and_one_mail_for_each_owner(store, sink):
    keys = [issue(store, "one"), issue(store, "two"), issue(store, "three", "other@example.com")]
    assert jobs_of(store) == []
    let_pass(store, 80)
    jobs = jobs_of(store)
    assert jobs_of(store) == []
    assert sorted(key for job in jobs for key in job.arguments) == sorted(key.id for key in keys)
    for job in jobs:
        assert OwnerMail(store, letter).tell(job).state == "done"
    mails = {mail["To"]: mail for mail in sink.mails}
    both = mails["owner@example.com"]
    assert both["Subject"] == "2 of your API keys end soon"
    for key in keys[:2]:
        assert f"keyfuse keys rotate {key.id}" in both.get_content()
    single = mails["other@example.com"]
    assert single["Subject"].startswith(f"API key three (acme_live, {keys[2].id}) ends on 20")
    assert (single["From"], single["Message-ID"][:5]) == ("keyfuse@acme.example", "<warn")


def test_the_worker_takes_the_job(store, sink):
    issue(store)
    let_pass(store, 80)
    url = f"sqlite:///{store.database.path}"
    queue = JobQueue(url)
    worker = JobWorker(url, {WARN: OwnerMail(store, letter).handler()})
    look(store, queue.enqueue)
    worker.start()
    try:
        eventually(lambda: [job.state for job in queue.list()] == ["done"])
    finally:
        worker.stop()
        queue.close()
    assert len(sink.mails) == 1


def test_what_was_settled_meanwhile_is_not_told(store, sink):
    renewed, revoked = issue(store), issue(store)
    let_pass(store, 80)
    (job,) = jobs_of(store)
    store.rotate(renewed.id)
    store.revoke(revoked.id, reason="x")
    lost = Job(job.id, WARN, (*job.arguments, "0123456789"), job.line)
    assert OwnerMail(store, letter).tell(lost).reason == NOTHING_TO_TELL
    assert sink.mails == []


def test_a_failed_look_marks_nothing(store):
    issue(store)
    let_pass(store, 80)

    def fail(connection, job):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        look(store, fail)
    assert len(jobs_of(store)) == 1


def test_without_a_mail_server_the_job_says_so(settings):
    with KeyStore.open(settings=settings()) as store:
        issue(store)
        let_pass(store, 80)
        (job,) = jobs_of(store)
        assert OwnerMail(store, letter).tell(job).reason == NO_MAIL_SERVER


def test_a_mail_server_that_is_away_is_tried_again(settings, free_address):
    with KeyStore.open(settings=settings(KEYFUSE_SMTP_URL=free_address)) as store:
        issue(store)
        let_pass(store, 80)
        (job,) = jobs_of(store)
        with pytest.raises(TryAgain):
            OwnerMail(store, letter).tell(job)


@pytest.fixture
def free_address():
    from keyfuse_webhook.mail_sink import free_port

    return f"smtp://127.0.0.1:{free_port()}"


def test_the_watch_looks_at_once_and_survives_errors(store):
    issue(store)
    let_pass(store, 80)
    queue = Queue()
    watch = expiry_watch(store, queue.enqueue)
    watch.start()
    eventually(lambda: queue)
    watch.stop()
    assert len(queue) == 1
    store.database.path.rename(store.database.path.with_suffix(".gone"))
    broken = expiry_watch(store, queue.enqueue)
    with capture_logs() as logs:
        broken.start()
        eventually(lambda: [line["event"] for line in logs] == ["expiry_not_looked_for"])
        broken.stop()
