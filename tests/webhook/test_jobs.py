"""The job queue and its worker: what is durable, what is in order, what is never executed."""

import base64
import pickle
import time
from itertools import islice
from pathlib import Path

import pytest
import sqlalchemy as sa

from keyfuse_webhook.jobs import JobQueue, JobWorker
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.pacing import FIRST_PAUSE, LONGEST_PAUSE, pauses
from support.webhook import eventually


class Recorder:
    """A handler that remembers its calls and does as it is told."""

    def __init__(self):
        self.attempts = []
        self.concluded = []
        self.fail = {}

    async def attempt(self, job):
        self.attempts.append(job.id)
        if self.fail.get(job.id, 0) > self.attempts.count(job.id) - 1:
            raise self.error(job.id)
        return Outcome("done", "as told")

    async def conclude(self, job, outcome):
        self.concluded.append((job.id, outcome))

    def error(self, job_id):
        return TryAgain("not yet") if job_id.startswith("later") else RuntimeError("a bug")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def engine(url):
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def queue(url):
    queue = JobQueue(url)
    yield queue
    queue.close()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def start(url, queue, recorder):
    running = []

    def begin():
        handler = Handler(recorder.attempt, recorder.conclude)
        running.append(JobWorker(url, {"tell": handler}))
        running[-1].start()
        return running[-1]

    yield begin
    for worker in running:
        worker.stop()


def job(name, line="one"):
    return Job(name, "tell", ("id-1", "id-2"), line)


def put(engine, queue, *jobs):
    with engine.begin() as connection:
        for one in jobs:
            queue.enqueue(connection, one)


def test_job_is_done_and_concluded_once(engine, queue, recorder, start):
    put(engine, queue, job("a"), job("a"))
    put(engine, queue, job("a"))
    start()
    eventually(lambda: [one.state for one in queue.list()] == ["done"])
    put(engine, queue, job("a"))
    assert recorder.attempts == ["a"]
    assert recorder.concluded == [("a", Outcome("done", "as told"))]
    assert queue.list()[0].reason == "as told"


def test_job_of_a_transaction_that_is_undone_never_was(engine, queue, recorder, start):
    with engine.connect() as connection, connection.begin() as transaction:
        queue.enqueue(connection, job("a"))
        transaction.rollback()
    put(engine, queue, job("b"))
    start()
    eventually(lambda: recorder.concluded)
    assert recorder.attempts == ["b"]


@pytest.mark.parametrize("name", ["later", "bug"])
def test_job_that_fails_is_tried_again_whatever_the_failure(engine, queue, recorder, start, name):
    recorder.fail[name] = 2
    put(engine, queue, job(name))
    start()
    eventually(lambda: recorder.concluded)
    assert recorder.attempts == [name] * 3


def test_pause_that_the_other_side_asked_for_is_kept(engine, queue, recorder, start):
    moments = []

    async def limited(job):
        moments.append(time.monotonic())
        if len(moments) == 1:
            raise TryAgain("the limit of the API", after=1.6)
        return Outcome("done")

    recorder.attempt = limited
    put(engine, queue, job("a"))
    start()
    eventually(lambda: recorder.concluded)
    assert moments[1] - moments[0] >= 1.6 > FIRST_PAUSE * 1.1


def test_jobs_of_a_line_wait_for_each_other_and_other_lines_do_not(engine, queue, recorder, start):
    recorder.fail["later-1"] = 1
    put(engine, queue, job("later-1"))
    put(engine, queue, job("later-2"), job("x", line="two"))
    start()
    eventually(lambda: len(recorder.concluded) == 3)
    assert [name for name, _ in recorder.concluded] == ["x", "later-1", "later-2"]


def test_job_left_by_a_stopped_worker_is_taken_up_by_the_next(engine, queue, recorder, start):
    recorder.fail["later"] = 1
    put(engine, queue, job("later"))
    first = start()
    eventually(lambda: recorder.attempts)
    first.stop()
    assert queue.list()[0].state == "running"
    start()
    eventually(lambda: recorder.concluded)


def test_row_that_claims_to_be_a_pickle_is_never_loaded(engine, queue, recorder, start, tmp_path):
    proof = tmp_path / "executed"

    class Attack:
        def __reduce__(self):
            return (Path.touch, (proof,))

    put(engine, queue, job("evil"))
    evil = base64.b64encode(pickle.dumps({"args": (Attack(),), "kwargs": {}})).decode()
    with engine.begin() as connection:
        tables = sa.inspect(connection).get_table_names()
        planted = 0
        for table in tables:
            columns = {column["name"] for column in sa.inspect(connection).get_columns(table)}
            if {"inputs", "workflow_uuid"} <= columns:
                update = f"UPDATE {table} SET inputs = :evil WHERE workflow_uuid = 'evil'"
                planted += connection.execute(sa.text(update), {"evil": evil}).rowcount
        connection.execute(sa.text("UPDATE workflow_status SET serialization = 'py_pickle'"))
    assert planted
    put(engine, queue, job("good", line="two"))
    start()
    eventually(lambda: recorder.concluded)
    assert not proof.exists()


def test_pauses_double_up_to_a_minute_and_never_end():
    some = list(islice(pauses(), 200))
    assert some[0] < 1.2
    assert all(pause <= LONGEST_PAUSE * 1.1 for pause in some)
    assert some[-1] > LONGEST_PAUSE * 0.8
