"""Many workers: each job is done by one of them, and outlives the one who had begun it."""

import os
import signal

import pytest
import sqlalchemy as sa

from keyfuse_webhook.jobs.library import open_client
from keyfuse_webhook.jobs.presence import open_presence
from keyfuse_webhook.jobs.takeover import TakeOver
from support.webhook import eventually


def test_jobs_of_a_killed_worker_are_done_by_another(put, others):
    others.hold("held")
    first = others.start()
    put("held")
    put("next")
    eventually(lambda: others.done("begins") == ["held"], 30)
    second = others.start()
    first.kill()
    first.wait()
    others.release("held")
    eventually(lambda: others.done() == ["held", "next"], 30)
    assert [int(pid) for pid, job, word in others.log() if word == "ends"] == [second.pid] * 2


def test_jobs_of_a_worker_that_is_told_to_end_are_done_by_another(put, others):
    first = others.start()
    put("a")
    eventually(lambda: others.done() == ["a"], 30)
    first.terminate()
    assert others.ended(first) == 0
    put("b")
    others.start()
    eventually(lambda: others.done() == ["a", "b"], 30)


def test_worker_that_lives_keeps_its_jobs_however_long_they_take(put, others):
    others.hold("held")
    others.start()
    put("held")
    eventually(lambda: others.done("begins") == ["held"], 30)
    others.start()
    put("other", line="two")
    # The second worker is there and sweeps, the first one answers nothing for a while.
    os.kill(others.processes[0].pid, signal.SIGSTOP)
    eventually(lambda: others.done() == ["other"], 30)
    os.kill(others.processes[0].pid, signal.SIGCONT)
    others.release("held")
    eventually(lambda: sorted(others.done()) == ["held", "other"], 30)
    assert others.done("begins").count("held") == 1


def test_many_workers_do_each_job_once(put, others):
    for number in range(60):
        put(f"job-{number}", line=f"line-{number % 20}")
    for _ in range(3):
        others.start()
    eventually(lambda: len(others.done()) == 60, 60)
    assert sorted(others.done()) == sorted(f"job-{number}" for number in range(60))
    assert len({pid for pid, _, _ in others.log()}) > 1
    for line in range(20):
        of_line = [job for job in others.done() if int(job[4:]) % 20 == line]
        assert of_line == [f"job-{number}" for number in range(line, 60, 20)]


@pytest.fixture
def watcher(url):
    """The eyes of a worker on a clock that stands still, without the worker."""
    presence, client, now = open_presence(url), open_client(url), [0.0]
    takeover = TakeOver(url, client, presence, lambda: now[0])
    yield takeover, presence, now
    takeover.close()
    client.destroy()
    presence.leave()


def test_name_must_be_free_for_as_long_as_patience_says(engine, url, put, queue, watcher):
    takeover, presence, now = watcher
    put("a")
    table = "workflow_status" if url.startswith("sqlite") else "dbos.workflow_status"
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {table} SET status = 'PENDING', executor_id = 'gone'"))
    assert takeover.sweep() == (1 if presence.patience == 0 else 0)
    now[0] += presence.patience
    takeover.sweep()
    assert queue.find("a").state == "waiting"
    assert takeover.sweep() == 0


def test_worker_does_not_take_from_itself(engine, url, put, queue, watcher):
    takeover, presence, now = watcher
    put("a")
    table = "workflow_status" if url.startswith("sqlite") else "dbos.workflow_status"
    with engine.begin() as connection:
        update = sa.text(f"UPDATE {table} SET status = 'PENDING', executor_id = :id")
        connection.execute(update, {"id": presence.id})
    now[0] += 100
    assert takeover.sweep() == 0
    takeover.give_back()
    assert queue.find("a").state == "waiting"
