"""Which kinds of job are looked for, and when; that they are taken is for `test_worker`."""

import threading

import pytest
import sqlalchemy as sa

from keyfuse_webhook.jobs.library import status_table
from keyfuse_webhook.jobs.taking import Bell, Watch
from keyfuse_webhook.jobs_model import Job


@pytest.fixture
def watch(url, queue):
    watch = Watch(url)
    yield watch
    watch.close()


@pytest.fixture
def set_status(url, engine):
    def change(job, status):
        table = status_table(url)
        with engine.begin() as connection:
            this = table.update().where(table.c.workflow_uuid == job)
            connection.execute(this.values(status=status))

    return change


def test_nothing_is_looked_for_while_there_are_no_jobs(watch):
    assert list(watch.calls(0.0)) == list(watch.calls(100.0)) == []


def test_kind_is_looked_for_at_once_when_a_job_comes_and_then_now_and_again(watch, put):
    put("a")
    assert list(watch.calls(0.0)) == ["tell"]
    assert list(watch.calls(0.5)) == []
    put("b")
    assert list(watch.calls(0.6)) == ["tell"]
    assert list(watch.calls(1.5)) == []
    assert list(watch.calls(1.6)) == ["tell"]


def test_only_kinds_with_something_to_take_are_looked_for(watch, put, queue, engine, set_status):
    put("a")
    with engine.begin() as connection:
        queue.enqueue(connection, Job("b", "other", (), "one"))
    assert sorted(watch.calls(0.0)) == ["other", "tell"]
    set_status("a", "PENDING")
    set_status("b", "SUCCESS")
    assert list(watch.calls(2.0)) == []


def test_end_of_a_job_calls_for_the_next_of_its_line(watch, put, set_status):
    put("a", "b")
    set_status("a", "PENDING")
    assert list(watch.calls(0.0)) == ["tell"]
    assert list(watch.calls(0.1)) == []
    set_status("a", "SUCCESS")
    assert list(watch.calls(0.2)) == ["tell"]


def test_job_that_is_put_back_is_looked_for_at_once(watch, put, set_status):
    put("a")
    set_status("a", "ERROR")
    assert list(watch.calls(0.0)) == []
    set_status("a", "ENQUEUED")
    assert list(watch.calls(0.1)) == ["tell"]


def test_database_that_does_not_say_is_asked_again(watch, put, engine):
    put("a")
    away = "ALTER TABLE {} RENAME TO {}"
    table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    hidden = "hidden" if engine.dialect.name == "sqlite" else "dbos.hidden"
    with engine.begin() as connection:
        connection.execute(sa.text(away.format(table, "hidden")))
    assert list(watch.calls(0.0)) == []
    with engine.begin() as connection:
        connection.execute(sa.text(away.format(hidden, "workflow_status")))
    assert list(watch.calls(0.1)) == ["tell"]


def test_bell_ends_a_wait_without_being_the_end():
    bell = Bell()
    bell.ring()
    assert bell.wait(60) is False
    assert bell.wait(0) is False
    waiting = threading.Thread(target=bell.wait, args=(60,))
    waiting.start()
    bell.ring()
    waiting.join(30)
    assert not waiting.is_alive()


def test_bell_that_means_the_end_stays_so():
    bell = Bell()
    bell.set()
    assert bell.wait(60) is True
    assert bell.wait(60) is True
