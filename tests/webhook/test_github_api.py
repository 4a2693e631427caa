"""Calls of GitHub's REST API: bounded, never redirected, and quiet when told to be."""

import socket
import threading

import pytest

from keyfuse_rules import Secret
from keyfuse_webhook import github_api
from keyfuse_webhook.github_answers import ApiRefused, limit_pause
from keyfuse_webhook.github_api import GitHubApi
from keyfuse_webhook.jobs_model import TryAgain
from support.githubapi import Fault, StandInApi
from support.githubapi_routes import Answer

TOKEN = Secret("t")
RUNS = "/repos/acme/app/commits/" + "a" * 40 + "/check-runs"


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def standin():
    with StandInApi().running() as running:
        running.granted["t"] = {"checks": "write", "issues": "write"}
        yield running


@pytest.fixture
def api(standin, clock):
    made = GitHubApi(standin.url, clock)
    yield made
    made.close()


def refuse(standin, status, headers=None, document=None, method="GET"):
    standin.faults.append(Fault(method, "", Answer(status, document or {}, headers or {})))


def test_an_answer_is_its_json(api):
    assert api.call("GET", RUNS, TOKEN) == {"total_count": 0, "check_runs": []}


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "id and key"), (403, "permission"), (404, "gone"), (410, "switched off"), (422, "422"),
     (301, "renamed"), (302, "redirect"), (307, "redirect"), (304, "304")],
)  # fmt: skip
def test_a_refusal_is_final_and_says_why(api, standin, status, word):
    refuse(standin, status, {"Location": "http://attacker.invalid/"}, {"message": "their words"})
    with pytest.raises(ApiRefused, match=word) as caught:
        api.call("GET", RUNS, TOKEN)
    assert caught.value.status == status
    assert "their words" not in str(caught.value)
    assert len(standin.asked) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_outage_passes(api, standin, status):
    refuse(standin, status)
    with pytest.raises(TryAgain, match=str(status)):
        api.call("GET", RUNS, TOKEN)
    assert api.call("GET", RUNS, TOKEN)


@pytest.mark.parametrize(
    ("given", "pause"),
    [
        ((429, {"Retry-After": "120"}, ""), 120),
        ((403, {"Retry-After": "30"}, ""), 30),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000300"}, ""), 301),
        ((429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "999000"}, ""), 1),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"}, ""), 3600),
        ((403, {}, "You have exceeded a secondary rate limit."), 60),
        ((429, {}, ""), 60),
        ((429, {"Retry-After": "soon"}, ""), 60),
    ],
)
def test_a_limit_is_kept_until_it_is_over(api, standin, clock, given, pause):
    status, headers, message = given
    refuse(standin, status, headers, {"message": message})
    with pytest.raises(TryAgain) as caught:
        api.call("GET", RUNS, TOKEN)
    assert caught.value.after == pause
    clock.now += pause - 0.5
    with pytest.raises(TryAgain) as caught:
        api.call("GET", RUNS, TOKEN)
    assert caught.value.after == 0.5
    assert len(standin.asked) == 1, "nothing is asked meanwhile"
    clock.now += 1
    assert api.call("GET", RUNS, TOKEN)


def test_the_limit_of_one_is_not_that_of_another(api, standin):
    standin.granted["other"] = {"checks": "read"}
    refuse(standin, 429)
    with pytest.raises(TryAgain):
        api.call("GET", RUNS, TOKEN)
    assert api.call("GET", RUNS, Secret("other"))


def test_no_access_is_no_limit():
    assert limit_pause(403, {"x-ratelimit-remaining": "4999"}, b"{}", 0) is None
    assert limit_pause(404, {"retry-after": "5"}, b"", 0) is None


def test_an_answer_that_is_lost_or_no_json_may_come_later(api, standin):
    for answer in (None, Answer(200, b"<html>"), Answer(200, b"[" * 200_000)):
        standin.faults.append(Fault("GET", "", answer))
        with pytest.raises(TryAgain):
            api.call("GET", RUNS, TOKEN)


def test_an_answer_without_end_is_cut_off(api, standin, monkeypatch):
    monkeypatch.setattr(github_api, "_LARGEST", 1000)
    standin.faults.append(Fault("GET", "", Answer(200, b'"' + b"x" * 1_000_000 + b'"')))
    with pytest.raises(TryAgain, match="too large"):
        api.call("GET", RUNS, TOKEN)


def test_an_answer_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr(github_api, "_DEADLINE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def drip():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        api = GitHubApi(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(TryAgain, match="too slow"):
            api.call("GET", "/", TOKEN)
        ended.set()
        thread.join()
        api.close()


def test_an_answer_packed_though_nobody_asked_is_not_unpacked(api, standin):
    import gzip

    packed = gzip.compress(b"{}" + b" " * 10_000_000)
    standin.faults.append(Fault("GET", "", Answer(200, packed, {"Content-Encoding": "gzip"})))
    with pytest.raises(TryAgain, match="not JSON"):
        api.call("GET", RUNS, TOKEN)


def test_nobody_there_is_tried_again_without_repeating_what_was_sent(api):
    gone = GitHubApi("http://127.0.0.1:9")
    with pytest.raises(TryAgain, match="ConnectError"):
        gone.call("POST", "/x", TOKEN, body={"a": "b"})
    gone.close()


def test_pages_are_read_until_one_is_not_full(api, standin):
    standin.issues = [{"number": number} for number in range(250)]
    found = [one["number"] for one in api.pages("/repos/a/b/issues", TOKEN, most=1000)]
    assert found == list(reversed(range(250)))
    assert [call.query["page"] for call in standin.asked] == ["1", "2", "3"]


def test_pages_end_at_the_most_that_is_wanted(api, standin):
    standin.issues = [{"number": number} for number in range(450)]
    assert len(list(api.pages("/repos/a/b/issues", TOKEN, most=200))) == 200
    assert len(standin.asked) == 2


@pytest.mark.parametrize("document", [{}, None, "x", {"check_runs": {}}])
def test_a_list_that_is_none_may_come_later(api, standin, document):
    standin.faults.append(Fault("GET", "", Answer(200, document)))
    with pytest.raises(TryAgain, match="no list"):
        list(api.pages(RUNS, TOKEN, most=100, within="check_runs"))


def test_a_next_page_without_an_address_ends_no_list(api, standin):
    link = {"Link": '<http://[x?cursor=1>; rel="next"'}
    standin.faults.append(Fault("GET", "", Answer(200, [{}], link)))
    with pytest.raises(TryAgain, match="next page"):
        list(api.cursored("/app/hook/deliveries", TOKEN, most=500))
