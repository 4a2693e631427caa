"""One worker: what is durable, what is in order, what is never executed."""

import base64
import pickle
import time
from itertools import islice
from pathlib import Path

import pytest
import sqlalchemy as sa

from keyfuse_webhook.jobs import worker as working
from keyfuse_webhook.jobs_model import LONGEST_WISH, Outcome, TryAgain
from keyfuse_webhook.pacing import FIRST_PAUSE, LONGEST_PAUSE, pauses
from support.webhook import eventually


def test_job_is_done_and_concluded_once(put, queue, recorder, start):
    put("a", "a")
    put("a")
    start()
    eventually(lambda: [one.state for one in queue.list()] == ["done"])
    put("a")
    assert recorder.attempts == ["a"]
    assert recorder.concluded == [("a", Outcome("done", "as told"))]
    assert queue.list()[0].reason == "as told"


def test_job_of_a_transaction_that_is_undone_never_was(engine, queue, put, recorder, start):
    from keyfuse_webhook.jobs_model import Job

    with engine.connect() as connection, connection.begin() as transaction:
        queue.enqueue(connection, Job("a", "tell", (), "one"))
        transaction.rollback()
    put("b")
    start()
    eventually(lambda: recorder.concluded)
    assert recorder.attempts == ["b"]


@pytest.mark.parametrize("name", ["later", "bug"])
def test_job_that_fails_is_tried_again_whatever_the_failure(put, recorder, start, name):
    recorder.fail[name] = 2
    put(name)
    start()
    eventually(lambda: recorder.concluded)
    assert recorder.attempts == [name] * 3


def test_pause_that_the_other_side_asked_for_is_kept(put, recorder, start):
    moments = []

    async def limited(job):
        moments.append(time.monotonic())
        if len(moments) == 1:
            raise TryAgain("the limit of the API", after=1.6)
        return Outcome("done")

    recorder.attempt = limited
    put("a")
    start()
    eventually(lambda: recorder.concluded)
    assert moments[1] - moments[0] >= 1.6 > FIRST_PAUSE * 1.1


def test_job_that_waits_for_its_next_attempt_says_why(put, queue, recorder, start):
    recorder.fail["later"] = 1000
    put("later")
    start()
    assert eventually(lambda: queue.list()[0].reason) == "not yet"
    assert queue.list()[0].state == "running"
    assert queue.list()[0].worker


def test_jobs_of_a_line_wait_for_each_other_and_other_lines_do_not(put, recorder, start):
    recorder.fail["later-1"] = 1
    put("later-1")
    put("later-2")
    put("x", line="two")
    start()
    eventually(lambda: len(recorder.concluded) == 3)
    assert [name for name, _ in recorder.concluded] == ["x", "later-1", "later-2"]


def test_job_left_by_a_stopped_worker_waits_for_the_next(put, queue, recorder, start):
    recorder.fail["later"] = 1
    put("later")
    first = start()
    eventually(lambda: recorder.attempts)
    first.stop()
    assert queue.list()[0].state == "waiting"
    start()
    eventually(lambda: recorder.concluded)


def test_worker_that_cannot_begin_tries_again(put, recorder, start, monkeypatch):
    begin, calls = working.open_presence, []

    def fails_once(url):
        calls.append(url)
        if len(calls) == 1:
            raise OSError("no such folder")
        return begin(url)

    monkeypatch.setattr(working, "open_presence", fails_once)
    monkeypatch.setattr(working, "START_AGAIN", 0.1)
    put("a")
    start()
    eventually(lambda: recorder.concluded)


def test_row_that_claims_to_be_a_pickle_is_never_loaded(
    engine, put, url, recorder, start, tmp_path
):
    proof = tmp_path / "executed"

    class Attack:
        def __reduce__(self):
            return (Path.touch, (proof,))

    put("evil")
    evil = base64.b64encode(pickle.dumps({"args": (Attack(),), "kwargs": {}})).decode()
    schema = "" if url.startswith("sqlite") else "dbos."
    with engine.begin() as connection:
        planted = connection.execute(
            sa.text(
                f"UPDATE {schema}workflow_input SET inputs = :evil WHERE workflow_uuid = 'evil'"
            ),
            {"evil": evil},
        )
        connection.execute(
            sa.text(f"UPDATE {schema}workflow_status SET serialization = 'py_pickle'")
        )
    assert planted.rowcount == 1
    put("good", line="two")
    start()
    eventually(lambda: recorder.concluded)
    assert not proof.exists()


def test_pauses_double_up_to_a_minute_and_never_end():
    some = list(islice(pauses(), 200))
    assert some[0] < 1.2
    assert all(pause <= LONGEST_PAUSE * 1.1 for pause in some)
    assert some[-1] > LONGEST_PAUSE * 0.8


def test_nobody_is_left_alone_for_longer_than_an_hour():
    assert TryAgain("later", after=10**9).after == LONGEST_WISH
    assert TryAgain("later", after=-5).after == 0
