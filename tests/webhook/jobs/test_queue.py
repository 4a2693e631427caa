"""Looking at jobs, and running dead ones again."""

import logging

import pytest

from keyfuse_webhook.jobs import JobQueue
from keyfuse_webhook.jobs.library import JobsUnavailable
from keyfuse_webhook.jobs_model import JobCount, Outcome
from support.webhook import eventually


def states(queue):
    return {job.id: job.state for job in queue.list()}


@pytest.mark.parametrize("state", ["undeliverable", "failed"])
def test_dead_letter_is_visible_and_can_be_run_again(put, queue, recorder, start, state):
    recorder.outcome = Outcome(state, "nobody is there")
    put("a")
    start()
    job = eventually(lambda: queue.list(states=[state]))[0]
    assert (job.id, job.kind, job.line, job.arguments) == ("a", "tell", "one", ("id-1", "id-2"))
    assert (job.reason, job.worker) == ("nobody is there", None)
    assert recorder.concluded == [("a", recorder.outcome)]
    recorder.outcome = Outcome("done", "at last")
    assert queue.retry(job)
    eventually(lambda: states(queue) == {"a": "done"})
    assert recorder.attempts == ["a", "a"]
    assert queue.find("a").reason == "at last"


def test_only_a_dead_letter_is_run_again(put, queue, recorder, start):
    put("a")
    assert not queue.retry(queue.find("a"))
    start()
    eventually(lambda: states(queue) == {"a": "done"})
    eventually(lambda: recorder.concluded)
    assert recorder.attempts == ["a"]


def test_dead_letter_does_not_hold_up_its_line(put, queue, recorder, start):
    recorder.outcome = Outcome("failed")
    put("a")
    put("b")
    start()
    eventually(lambda: states(queue) == {"a": "failed", "b": "failed"})


def test_line_is_in_the_order_of_the_enqueueing_whatever_the_ids(put, queue, recorder, start):
    names = [f"job-{number}" for number in range(12)]
    put(*names[:4])
    for name in names[4:]:
        put(name)
    put(*names)
    start()
    eventually(lambda: len(recorder.concluded) == 12)
    assert recorder.attempts == names


def test_list_is_filtered_and_paged_youngest_first(put, queue):
    for name in ("a", "b", "c", "d"):
        put(name, line=name)
    assert [job.id for job in queue.list(2)] == ["d", "c"]
    assert [job.id for job in queue.list(2, after="c")] == ["b", "a"]
    assert [job.id for job in queue.list(states=["waiting"], kind="tell")] == ["d", "c", "b", "a"]
    assert queue.list(states=["done", "failed"]) == []
    assert queue.list(kind="other") == []


def test_pages_neither_repeat_nor_lose_a_job_whatever_comes_between(put, queue):
    """Jobs of several lines that came within a millisecond, and more of them meanwhile."""
    for number in range(6):
        put(f"job-{number}", line=str(number))
    with queue._engine.begin() as connection:
        connection.execute(queue._table.update().values(created_at=1_700_000_000_000))
    found: list[str] = []
    for _ in range(3):
        after = found[-1] if found else None
        found += [job.id for job in queue.list(2, after=after)]
        put(f"new-{len(found)}")
    assert found == [f"job-{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert queue.list(after="job-0") == []


def test_counts_are_by_kind_and_state_and_leave_out_what_is_done(put, queue, recorder, start):
    put("a", "b")
    (count,) = queue.count()
    assert count == JobCount("tell", "waiting", 2, queue.find("a").created_ms)
    start()
    eventually(lambda: states(queue) == {"a": "done", "b": "done"})
    assert queue.count() == []


def test_job_that_is_not_there_is_none(queue):
    assert queue.find("none") is None


def test_database_that_takes_no_tables_is_said_in_one_line(tmp_path):
    with pytest.raises(JobsUnavailable, match="the job tables cannot be made"):
        JobQueue(f"sqlite:///{tmp_path}/missing/jobs.db")


def test_dead_letter_is_no_traceback_in_the_log_of_the_library(put, queue, recorder, start):
    seen = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = seen.append
    logging.getLogger("dbos").addHandler(handler)
    recorder.outcome = Outcome("failed", "it is not there any more")
    put("a")
    start()
    eventually(lambda: states(queue) == {"a": "failed"})
    logging.getLogger("dbos").removeHandler(handler)
    assert seen == []
