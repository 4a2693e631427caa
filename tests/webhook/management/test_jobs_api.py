"""Jobs through the API: what waits, what ended badly, and running it again."""

from keyfuse_webhook.jobs_model import Job
from support.management import Api, problem


def enqueue(api: Api, number: int) -> None:
    with api.store.begin() as connection:
        api.service.queue.enqueue(connection, Job(f"job-{number}", "notify", ("a",), "line"))


def test_jobs_are_listed_youngest_first_and_shown(api: Api) -> None:
    assert api.get("/v1/jobs") == {"jobs": [], "next": None}
    for number in range(3):
        enqueue(api, number)
    first = api.get("/v1/jobs", limit=2)
    rest = api.get("/v1/jobs", limit=2, after=first["next"])
    ids = [job["id"] for job in first["jobs"] + rest["jobs"]]
    assert ids == ["job-2", "job-1", "job-0"]
    assert (first["next"], rest["next"]) == ("job-1", None)
    assert problem(api.send("GET", "/v1/jobs?after=none")) == (422, "invalid_field")
    job = api.get("/v1/jobs/job-1")
    assert (job["kind"], job["state"], job["arguments"]) == ("notify", "waiting", ["a"])
    assert api.get("/v1/jobs", state="done")["jobs"] == []
    assert api.get("/v1/jobs", state="undeliverable,failed")["jobs"] == []
    assert len(api.get("/v1/jobs", state="failed,waiting")["jobs"]) == 3
    assert problem(api.send("GET", "/v1/jobs?state=waiting,asleep"))[0] == 400
    assert len(api.get("/v1/jobs", kind="notify", state="waiting")["jobs"]) == 3


def test_a_job_that_did_not_end_badly_is_not_run_again(api: Api) -> None:
    enqueue(api, 1)
    assert problem(api.post("/v1/jobs/job-1/retry")) == (409, "state_conflict")
    assert problem(api.post("/v1/jobs/none/retry")) == (404, "not_found")
    assert problem(api.send("GET", "/v1/jobs/none")) == (404, "not_found")
