"""`keyfuse jobs`: what waits, what has failed, and running it again."""

import json

import pytest

from keyfuse_scanner.main import run
from keyfuse_store import audit
from keyfuse_webhook.jobs_model import Job
from keyfuse_webhook.notification import NO_TARGET
from support.webhook import eventually, record


@pytest.fixture
def keyfuse(service, monkeypatch, capsys):
    monkeypatch.setenv("KEYFUSE_HOME", str(service.store.settings.home))

    def call(*arguments):
        capsys.readouterr()
        try:
            code = run(["jobs", *arguments])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def dead(service, work):
    """The id of a job that ended badly."""
    service.alert(record(service.issue().token.reveal()))
    work(service.store)
    return eventually(lambda: service.queue.list(states=["undeliverable"]))[0].id


def put(service, *names):
    with service.store.begin() as connection:
        for name in names:
            service.queue.enqueue(connection, Job(name, "of-no-kind", ("id",), "line"))


def test_dead_letter_is_shown_with_its_reason_and_run_again(keyfuse, service, dead):
    put(service, "waits")
    _, out, _ = keyfuse("list", "--dead", "--json")
    (job,) = json.loads(out)["jobs"]
    assert (job["id"], job["state"], job["reason"]) == (dead, "undeliverable", NO_TARGET)
    assert NO_TARGET in keyfuse("list", "--state", "undeliverable")[1]
    assert NO_TARGET in keyfuse("show", dead)[1]
    code, out, _ = keyfuse("retry", dead, "--json")
    assert code == 0
    assert json.loads(out)["jobs"][0]["state"] in {"waiting", "running", "undeliverable"}
    with service.store.read() as connection:
        entries = audit.entries(connection, limit=100)
    assert [entry.subject for entry in entries if entry.action == "job.retried"] == [dead]


def test_all_dead_letters_are_run_again_at_once(keyfuse, dead):
    assert keyfuse("retry", "--all", "--kind", "other")[1] == "no job ended badly\n"
    assert dead in keyfuse("retry", "--all")[1]


def test_list_pages_and_filters(keyfuse, service):
    put(service, "a", "b", "c")
    first = json.loads(keyfuse("list", "--limit", "2", "--json")[1])
    assert ([job["id"] for job in first["jobs"]], first["next"]) == (["c", "b"], "b")
    rest = json.loads(keyfuse("list", "--limit", "2", "--after", "b", "--json")[1])
    assert ([job["id"] for job in rest["jobs"]], rest["next"]) == (["a"], None)
    assert json.loads(keyfuse("list", "--kind", "other", "--json")[1])["jobs"] == []
    assert json.loads(keyfuse("list", "--dead", "--json")[1])["jobs"] == []
    assert "--after b" in keyfuse("list", "--limit", "2")[2]


def test_show_has_everything_as_json(keyfuse, service):
    put(service, "a")
    code, out, _ = keyfuse("show", "a", "--json")
    job = json.loads(out)
    assert code == 0
    assert job["created"].endswith("Z")
    wanted = {"id": "a", "kind": "of-no-kind", "state": "waiting", "line": "line", "worker": None}
    assert {name: job[name] for name in wanted} == wanted
    assert (job["arguments"], job["reason"]) == (["id"], None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "none"], "no such job"),
        (["retry", "none"], "no such job"),
        (["retry", "waits"], "the job is waiting"),
        (["retry"], "--all"),
        (["retry", "waits", "--all"], "--all"),
        (["retry", "waits", "--kind", "x"], "--all"),
        (["list", "--state", "odd"], "odd"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_done_is_exit_2(keyfuse, service, arguments, message):
    put(service, "waits")
    code, out, err = keyfuse(*arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_text_of_others_is_shown_on_one_line(keyfuse, service):
    put(service, "odd\x1b[31m\nid")
    assert "\x1b" not in keyfuse("list")[1]
    assert len(keyfuse("list")[1].splitlines()) == 2
