"""Who is told what: the log, the summary, later steps, code scanning, the issuing service."""

import base64
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from keyfuse_rules.pack import OWN
from keyfuse_scanner.action import code_scanning, summary
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.model import Problem, ScanResult
from support.findings import finding
from support.hooks import push_payload
from support.keys import make_key
from support.workflow import pull_request

KEY, OTHER = make_key("acme_live").reveal(), make_key("other_live").reveal()
TOKEN = "ghs-stands-for-a-token"


class Api:
    """A stand-in for GitHub's API and for the issuing service: a real HTTP server."""

    def __init__(self):
        self.statuses, self.verdicts, self.requests, self.authorizations = [], [], [], set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, json.loads(body)))
                self.answer(outer.statuses.pop(0) if outer.statuses else 202, {"id": "47"})

            def do_GET(self):
                outer.requests.append((self.path, None))
                verdict = outer.verdicts.pop(0) if outer.verdicts else "complete"
                self.answer(200, {"processing_status": verdict, "errors": ["no such ref"]})

            def answer(self, status, body):
                outer.authorizations.add(self.headers["Authorization"])
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def sarif(self):
        """Return the one log that was uploaded."""
        (body,) = [body for path, body in self.requests if path.endswith("/sarifs") and body]
        return body, json.loads(gzip.decompress(base64.b64decode(body["sarif"])))


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr(code_scanning.upload, "__defaults__", (lambda _: None,))
    made = Api()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def push(workflow, remote, api):
    """Return a function that pushes a key to main, beside one that was there before, and runs."""

    def call(ref="refs/heads/main", **inputs):
        before = remote.commit("before", old_txt=f"{OTHER}\n")
        head = remote.commit("leak", new_txt=f"1\n{KEY}\n")
        remote.push(f"HEAD:{ref}")
        runner = workflow()
        runner.check_out(head)
        given = {"GITHUB_API_URL": api.url, "INPUT_TOKEN": TOKEN} | inputs
        return runner.run("push", push_payload(remote.name, before, head, ref=ref), head, **given)

    return call


def test_code_scanning_gets_all_that_the_files_hold(push, api, remote):
    """One push's findings alone would close the alerts of all others."""
    done = push()
    assert done.outputs["findings"] == "1"
    body, log = api.sarif()
    assert [path for path, _ in api.requests] == [
        "/repos/acme/app/code-scanning/sarifs",
        "/repos/acme/app/code-scanning/sarifs/47",
    ]
    assert api.authorizations == {f"Bearer {TOKEN}"}
    assert body["commit_sha"] == remote.git("rev-parse", "HEAD")
    assert body["ref"] == "refs/heads/main"
    (run,) = log["runs"]
    found = {
        entry["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for entry in run["results"]
    }
    assert found == {"old.txt", "new.txt"}
    assert run["automationDetails"]["id"] == "keyfuse/"
    assert "SARIF was uploaded to code scanning" in done.log
    assert KEY not in str(log)
    assert done.outputs["sarif"].endswith("keyfuse.sarif")


@pytest.mark.parametrize(
    ("answers", "said", "warned"),
    [
        (([403], []), "no permission security-events: write", False),
        (([404], []), "code scanning is off", False),
        (([503, 202], ["pending", "complete"]), "SARIF was uploaded to code scanning", False),
        (([202], ["failed"]), "refused the SARIF: no such ref", True),
        (([422], []), "GitHub answered 422", True),
        (([503] * 6, []), "GitHub answered 503", True),
        (([202], ["pending"] * 9), "has not read it yet", False),
    ],
)
def test_an_upload_that_fails_is_said_and_changes_no_verdict(push, api, answers, said, warned):
    api.statuses, api.verdicts = answers
    done = push()
    assert (done.code, done.outputs["findings"]) == (1, "1")
    (line,) = [line for line in done.log.splitlines() if said in line]
    assert line.startswith("::warning") == warned
    assert TOKEN not in done.log + done.summary


def test_an_api_that_is_not_there_is_said(push):
    done = push(GITHUB_API_URL="http://127.0.0.1:9")
    assert "SARIF was not uploaded: " in done.log


def test_an_api_in_clear_gets_no_token(push):
    with pytest.raises(UsageError, match="GITHUB_API_URL"):
        push(GITHUB_API_URL="http://api.github.example")


def test_a_log_that_is_too_large_stays_here(push, api, monkeypatch):
    monkeypatch.setattr(code_scanning, "_LARGEST", 10)
    assert "larger than GitHub takes" in push().log
    assert api.requests == []


@pytest.mark.parametrize(
    "changes",
    [{"INPUT_UPLOAD_SARIF": "false"}, {"INPUT_TOKEN": ""}, {"ref": "refs/heads/topic"}],
)
def test_nothing_is_uploaded_where_nobody_asked_or_may(push, api, remote, changes):
    remote.commit("first")
    remote.push("HEAD:refs/heads/main")
    done = push(**changes)
    assert done.code == 1
    assert api.requests == []
    assert "sarif" not in done.outputs


def test_own_keys_are_burned_whatever_the_repository_says(push, api, remote):
    remote.commit("policy", keyfuse_toml='ignores = ["**"]\n')
    done = push(
        INPUT_REPORT_TO=api.url,
        INPUT_REPORT_PREFIXES="acme_live, acme_test",
        INPUT_UPLOAD_SARIF="false",
    )
    ((path, body),) = api.requests
    assert path == "/v1/leaks"
    assert [entry["token"] for entry in body["tokens"]] == [KEY]
    assert (done.code, done.outputs["reported"]) == (1, "1")
    assert "1 key was reported to the service that issued them" in done.log


def test_a_report_that_fails_is_said(push, api, monkeypatch):
    monkeypatch.setattr("keyfuse_scanner.leak_report.send.__defaults__", (lambda _: None,))
    api.statuses = [400]
    done = push(
        INPUT_REPORT_TO=api.url, INPUT_REPORT_PREFIXES="acme_live", INPUT_UPLOAD_SARIF="false"
    )
    assert (done.code, done.outputs["reported"]) == (1, "0")
    assert "::warning title=keyfuse::1 keys could not be reported" in done.log


def test_what_cannot_be_is_refused_before_anything_is_scanned(push):
    for wrong, said in (
        ({"INPUT_REPORT_PREFIXES": "acme_live"}, "belongs to report-to"),
        ({"INPUT_REPORT_TO": "https://keys.example.com"}, "--report-prefix"),
        ({"INPUT_FAIL_ON": "grave"}, "fail-on: 'grave' is no severity"),
        ({"INPUT_UPLOAD_SARIF": "maybe"}, "upload-sarif: write true or false"),
        ({"GITHUB_EVENT_PATH": "/nowhere"}, "cannot be read as an event"),
        ({"GITHUB_SHA": ""}, "GITHUB_SHA is not set"),
        ({"GITHUB_SERVER_URL": "http://github.example"}, "GITHUB_SERVER_URL"),
        ({"GITHUB_REPOSITORY": "../x"}, "GITHUB_REPOSITORY"),
    ):
        with pytest.raises(UsageError, match=said):
            push(**wrong)


def test_fail_on_decides_what_fails(workflow, remote):
    policy = '[[rules]]\nid = "ticket"\ntitle = "Ticket"\npattern = "TICKET-[0-9]{6}"\n'
    policy += 'severity = "medium"\nliterals = ["TICKET-"]\n'
    head = remote.commit("first", keyfuse_toml=policy, a_txt="TICKET-123456\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    event = push_payload(remote.name, "0" * 40, head)
    for threshold, code in (("", 1), ("medium", 1), ("high", 0)):
        done = runner.run("push", event, head, INPUT_FAIL_ON=threshold)
        assert (done.code, done.outputs["medium"]) == (code, "1")
        assert "::warning title=Ticket (medium)" in done.log


def test_the_summary_shows_what_and_where_and_what_to_do(push, remote):
    done = push(INPUT_UPLOAD_SARIF="false")
    head = remote.git("rev-parse", "HEAD")
    assert done.summary.startswith("### keyfuse: 1 secret found\n")
    (row,) = [line for line in done.summary.splitlines() if line.startswith("| critical")]
    assert f"/acme/app/blob/{head}/new.txt#L2" in row
    assert "keyfuse keys revoke" in done.summary
    assert KEY not in done.summary + done.log


def test_the_summary_is_bounded_and_shows_foreign_text_as_text():
    nasty = "|`<img src=x>](http://evil.example)\n# @everyone " + "é" * 4_000
    many = [
        finding(path=f"{nasty}{number}", title=nasty, commit="1" * 40, fingerprint=f"{number:032}")
        for number in range(500)
    ]
    errors = [Problem(nasty, nasty, None) for _ in range(500)]
    result = ScanResult(many, errors, 1, 1, rules={"keyfuse-key": OWN})
    text = "".join(
        summary.render(result, summary.Setting("all", "https://github.com/a/b", [nasty]))
    )
    assert len(text.encode()) < 1024 * 1024
    assert "400 more findings are not shown here" in text
    assert "and 480 more" in text
    assert "<img" not in text
    assert "](" not in text
    assert "@" not in text
    rows = [line for line in text.splitlines() if line.startswith("| critical")]
    assert {row.count("|") for row in rows} == {7}


def test_nothing_found_is_said_too():
    def said(**fields):
        return "".join(summary.render(ScanResult([], **fields), summary.Setting("all", "")))

    assert "no secrets found" in said(errors=[], objects=1, size=1)
    incomplete = said(errors=[Problem("gone", "a", None)], objects=1, size=1)
    assert "### keyfuse: not everything could be scanned" in incomplete


def test_the_command_is_a_step_of_a_workflow_only(keyfuse, repo, monkeypatch):
    for name in ("GITHUB_WORKSPACE", "GITHUB_EVENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    done = keyfuse("action")
    assert done.code == 2
    assert "is a step of a GitHub workflow" in done.err


def test_the_command_prints_to_the_log(workflow, remote, keyfuse, monkeypatch):
    head = remote.commit("first", new_txt=f"{KEY}\n")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    payload = push_payload(remote.name, "0" * 40, head)
    for name, value in runner.environment("push", payload, head).items():
        monkeypatch.setenv(name, value)
    done = keyfuse("action")
    assert done.code == 1
    assert "::error title=" in done.out


def test_without_a_checkout_it_says_what_is_missing(workflow, remote, keyfuse, monkeypatch):
    runner = workflow()
    runner.workspace.mkdir(parents=True)
    for name, value in runner.environment("push", {}, "1" * 40).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(runner.workspace.parent))
    done = keyfuse("action")
    assert done.code == 2
    assert "a step actions/checkout belongs before this one" in done.err


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("push", {}),
        ("push", {"before": "main", "after": "1" * 40}),
        ("push", push_payload("a/b", "1" * 40, "2" * 40) | {"repository": {"default_branch": ""}}),
        ("pull_request", {"pull_request": []}),
        ("pull_request", pull_request("x", "y")),
        ("merge_group", {}),
    ],
)
def test_a_payload_that_is_none_is_refused(workflow, remote, event, payload):
    head = remote.commit("first")
    remote.push("HEAD:refs/heads/main")
    runner = workflow()
    runner.check_out(head)
    with pytest.raises(UsageError, match="payload"):
        runner.run(event, payload, head)
