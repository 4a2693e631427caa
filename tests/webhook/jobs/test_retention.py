"""What has ended is forgotten in time; what has not is not."""

from datetime import UTC, datetime, timedelta

import pytest

from keyfuse_webhook.jobs import worker as working
from keyfuse_webhook.jobs.library import open_client
from keyfuse_webhook.jobs.retention import KEEP_DEAD, forget_ended
from keyfuse_webhook.jobs_model import Outcome
from support.webhook import eventually


@pytest.fixture
def forget(url):
    client = open_client(url)
    yield lambda ahead, keep: forget_ended(client, datetime.now(UTC) + ahead, keep)
    client.destroy()


def test_what_is_done_is_forgotten_after_the_time_and_dead_letters_after_a_year(
    put, queue, recorder, start, forget
):
    put("done")
    worker = start()
    eventually(lambda: queue.find("done").state == "done")
    recorder.outcome = Outcome("failed")
    put("dead")
    eventually(lambda: queue.find("dead").state == "failed")
    worker.stop()
    put("waits")
    keep = timedelta(days=30)
    assert forget(timedelta(days=29), keep) == 0
    assert forget(timedelta(days=31), keep) == 1
    assert {job.id for job in queue.list()} == {"dead", "waits"}
    assert forget(KEEP_DEAD + timedelta(days=1), keep) == 1
    assert {job.id for job in queue.list()} == {"waits"}


def test_worker_forgets_by_itself(put, queue, start, monkeypatch):
    monkeypatch.setattr(working, "RETENTION_INTERVAL", 0.0)
    put("a")
    start(keep=timedelta(0))
    eventually(lambda: queue.list() == [])
