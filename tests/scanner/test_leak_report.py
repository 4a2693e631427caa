"""`keyfuse scan --report-to`: which keys leave the machine, and what a failure changes."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from keyfuse_scanner import leak_report
from keyfuse_scanner.errors import UsageError
from support.keys import break_checksum, make_key

OURS, OTHER = make_key("acme_live").reveal(), make_key("other_live").reveal()
ENDPOINT = "/v1/leaks"


class Receiver:
    """A stand-in for the service: a real HTTP server that answers as it is told."""

    def __init__(self):
        self.statuses, self.headers, self.requests = [], {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, json.loads(body)))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 202)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def tokens(self):
        return [item["token"] for _, body in self.requests for item in body["tokens"]]


@pytest.fixture
def receiver():
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def pauses(monkeypatch):
    waited = []
    monkeypatch.setattr(leak_report.send, "__defaults__", (waited.append,))
    return waited


def report(keyfuse, receiver, *options, prefix="acme_live"):
    return keyfuse("scan", "--report-to", receiver.url, "--report-prefix", prefix, *options)


def test_only_valid_keys_of_the_named_prefix_are_sent_once_each(repo, keyfuse, receiver):
    longer = make_key("acme_live_eu").reveal()
    repo.write("a", f"{OURS}\n{OTHER}\n{longer} {break_checksum(make_key(seed=3).reveal())}\n")
    repo.write("b", OURS)
    done = report(keyfuse, receiver, "--all")
    assert done.code == 1
    assert receiver.requests == [
        (
            ENDPOINT,
            {"tokens": [{"token": OURS, "source": "keyfuse scan: file", "url": "a:1"}]},
        )
    ]
    assert OURS not in done.out + done.err


def test_a_clean_scan_sends_nothing(repo, keyfuse, receiver):
    repo.write("a", OTHER)
    assert report(keyfuse, receiver).code == 1
    (repo.path / "a").write_text("clean")
    assert report(keyfuse, receiver).code == 0
    assert receiver.requests == []


def test_an_address_with_a_path_is_taken_as_it_is(repo, keyfuse, receiver):
    repo.write("a", OURS)
    receiver.url += "/keys/v1/leaks"
    report(keyfuse, receiver)
    assert receiver.requests[0][0] == "/keys/v1/leaks"


def test_many_keys_go_in_parts_that_the_service_takes(repo, keyfuse, receiver):
    keys = {make_key(seed=seed).reveal() for seed in range(1100)}
    repo.write("a", "\n".join(keys))
    report(keyfuse, receiver)
    assert len(receiver.requests) == 3
    assert set(receiver.tokens()) == keys
    assert all(len(json.dumps(body)) < 256 * 1024 for _, body in receiver.requests)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failure_that_may_pass_is_tried_again(repo, keyfuse, receiver, pauses, status):
    repo.write("a", OURS)
    receiver.statuses, receiver.headers = [status, status, 202], {"Retry-After": "3"}
    done = report(keyfuse, receiver)
    assert (done.code, done.err) == (1, "")
    assert len(receiver.requests) == 3
    assert pauses == [3.0, 3.0]


def test_a_service_that_stays_away_is_said_and_changes_no_exit_code(
    repo, keyfuse, receiver, pauses
):
    repo.write("a", OURS)
    receiver.statuses = [503] * 99
    done = report(keyfuse, receiver, "--json")
    document = json.loads(done.out)
    assert done.code == 1
    assert len(receiver.requests) == 1 + len(pauses) == 5
    (error,) = document["errors"]
    assert "could not be reported" in error["message"]
    assert "it answered 503" in error["message"]
    assert document["summary"]["complete"] is True
    assert document["summary"]["errors"] == 1
    assert error["message"] in done.err
    assert report(keyfuse, receiver, "--exit-zero").code == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 413])
def test_redirects_and_refusals_are_final(repo, keyfuse, receiver, pauses, status):
    repo.write("a", OURS)
    receiver.statuses, receiver.headers = [status], {"Location": "http://127.0.0.1:9/"}
    done = report(keyfuse, receiver)
    assert done.code == 1
    assert f"it answered {status}" in done.err
    assert (len(receiver.requests), pauses) == (1, [])


def test_nobody_there_is_said(repo, keyfuse, pauses):
    repo.write("a", OURS)
    where = "http://127.0.0.1:9"
    done = keyfuse("scan", "--report-to", where, "--report-prefix", "acme_live")
    assert done.code == 1
    assert f"could not be reported to {where}: connection refused" in done.err
    assert len(pauses) == 4


@pytest.mark.parametrize(
    "options",
    [
        ["--report-to", "https://keys.example.com"],
        ["--report-prefix", "acme_live"],
        ["--report-to", "https://keys.example.com", "--report-prefix", "Acme Live"],
        ["--report-to", "http://keys.example.com", "--report-prefix", "acme_live"],
        ["--report-to", "http://127.0.0.1.example.com", "--report-prefix", "acme_live"],
        ["--report-to", "https://user:secret@keys.example.com", "--report-prefix", "acme_live"],
        ["--report-to", "file:///etc/passwd", "--report-prefix", "acme_live"],
        ["--report-to", "https://keys.example.com/a b", "--report-prefix", "acme_live"],
        ["--report-to", "https://[", "--report-prefix", "acme_live"],
        ["--report-to", "keys.example.com", "--report-prefix", "acme_live"],
    ],
)
def test_unclear_options_exit_2_before_anything_is_scanned(repo, keyfuse, options):
    repo.write("a", OURS)
    done = keyfuse("scan", *options)
    assert (done.code, done.out) == (2, "")
    assert "secret" not in done.err


def test_keys_go_to_this_machine_past_a_proxy(repo, keyfuse, receiver, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    repo.write("a", OURS)
    assert report(keyfuse, receiver).err == ""
    assert receiver.tokens() == [OURS]


def test_a_target_over_https_keeps_its_port_and_query():
    where = leak_report.target("https://keys.example.com:8443?x=1", ["acme_live"])
    assert where.url == "https://keys.example.com:8443/v1/leaks?x=1"
    with pytest.raises(UsageError):
        leak_report.target("https://keys.example.com", [])


def test_no_other_way_to_scan_loads_an_http_client(repo):
    code = (
        "import sys; from keyfuse_scanner.main import run; run(['scan', '.']);"
        "print({'httpx', 'http.client', 'urllib.request'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    "policy",
    [
        'disabled = ["keyfuse-key"]',
        'only = ["npm-access-token"]',
        '[[rules]]\nid = "keyfuse-key"\nallow = [{paths = ["a"]}]',
        'rule_files = ["off.toml"]',
        'ignores = ["a"]',
    ],
)
def test_a_repository_hides_no_key_that_is_to_be_burned(repo, keyfuse, receiver, policy):
    repo.write("keyfuse.toml", policy + "\n")
    repo.write("off.toml", 'disabled = ["keyfuse-key"]\n')
    repo.write("a", OURS)
    for _ in range(2):  # the second time with what was compiled before
        assert report(keyfuse, receiver).code == 1
    assert receiver.tokens() == [OURS, OURS]
    assert report(keyfuse, receiver, "--only", "npm-access-token").code == 0
