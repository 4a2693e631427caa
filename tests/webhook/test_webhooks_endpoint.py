"""`POST /github/webhooks`: signed or refused, understood or let be, on disk before the answer."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from keyfuse_store import leaks
from keyfuse_store.errors import DatabaseLocked
from keyfuse_store.evidence import evidence_of
from keyfuse_webhook.events import EVENTS, Push, read_push
from keyfuse_webhook.jobs_model import Job, JobStatus
from keyfuse_webhook.webhook_delivery import Delivery
from support.hooks import ZERO, push_payload, signed
from support.keys import make_key

A, B = "a" * 40, "b" * 40
SIGNATURE = "X-Hub-Signature-256"


@pytest.fixture
def hooked(settings, open_service):
    return open_service(settings(KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret,older"))


def deliver(service, body, headers):
    return service.request("POST", "/github/webhooks", content=body, headers=headers)


def push(service, *arguments, delivery=None, **changes):
    payload = push_payload(*arguments) | changes
    return deliver(service, *signed("push", payload, delivery=delivery))


def assert_problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_push_is_on_disk_when_it_is_answered(hooked):
    answer = push(hooked, "acme/app", A, B, 3, installation={"id": 77})
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    (job,) = hooked.queue.list()
    assert (job.kind, job.state) == ("push", "waiting")


def test_without_a_secret_nothing_is_taken(service):
    assert_problem(push(service, "acme/app", A, B), 503, "no_webhook_secret")
    unsigned = deliver(service, b"{}", {"X-GitHub-Event": "push"})
    assert_problem(unsigned, 503, "no_webhook_secret")


@pytest.mark.parametrize("secret", ["s3cret", "older"])
def test_each_of_several_secrets_is_good(hooked, secret):
    assert deliver(hooked, *signed("ping", {}, secret)).status_code == 202


def test_signature_in_upper_case_is_the_same_signature(hooked):
    body, headers = signed("ping", {})
    headers[SIGNATURE] = "sha256=" + headers[SIGNATURE][7:].upper()
    assert deliver(hooked, body, headers).status_code == 202


@pytest.mark.parametrize(
    ("signature", "status", "code"),
    [
        (None, 400, "signature_missing"),
        ("", 400, "signature_missing"),
        ("sha256=", 400, "signature_malformed"),
        ("sha1=" + "0" * 40, 400, "signature_malformed"),
        ("0" * 64, 400, "signature_malformed"),
        ("sha256=" + "g" * 64, 400, "signature_malformed"),
        ("sha256=" + "0" * 64 + " ", 401, "signature_invalid"),
        ("sha256=" + "0" * 64, 401, "signature_invalid"),
    ],
)
def test_signatures_that_are_none(hooked, signature, status, code):
    body, headers = signed("push", push_payload("acme/app", A, B))
    del headers[SIGNATURE]
    if signature is not None:
        headers[SIGNATURE] = signature
    assert_problem(deliver(hooked, body, headers), status, code)
    assert hooked.queue.list() == []


def test_a_sha1_signature_is_not_looked_at(hooked):
    import hashlib
    import hmac

    body, headers = signed("ping", {})
    del headers[SIGNATURE]
    headers["X-Hub-Signature"] = "sha1=" + hmac.new(b"s3cret", body, hashlib.sha1).hexdigest()
    assert_problem(deliver(hooked, body, headers), 400, "signature_missing")


def test_two_signatures_are_malformed_even_if_one_is_right(hooked):
    body, headers = signed("ping", {})
    several = [*headers.items(), (SIGNATURE, "sha256=" + "0" * 64)]
    assert_problem(deliver(hooked, body, several), 400, "signature_malformed")


def test_the_signature_is_over_the_raw_bytes(hooked):
    body, headers = signed("ping", {"a": 1})
    assert_problem(deliver(hooked, body + b"\n", headers), 401, "signature_invalid")
    assert_problem(deliver(hooked, b'{"a":1}', headers), 401, "signature_invalid")


def test_form_encoded_body_is_signed_raw_and_read(hooked):
    form = urlencode({"payload": json.dumps(push_payload("acme/app", A, B))}).encode()
    body, headers = signed("push", form)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    assert deliver(hooked, body, headers).json() == {"status": "accepted"}
    body, headers = signed("push", b"nothing=here")
    headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    assert_problem(deliver(hooked, body, headers), 400, "not_json")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"\xff{}", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"x"', "not_an_object"),
    ],
)
def test_signed_body_that_is_no_object_is_400(hooked, body, code):
    assert_problem(deliver(hooked, *signed("push", body)), 400, code)


def test_huge_numbers_and_duplicate_keys_cost_nothing(hooked):
    body = b'{"id": ' + b"9" * 100_000 + b', "ref": 1, "ref": 2, "before": NaN}'
    assert deliver(hooked, *signed("push", body)).json() == {"status": "not_understood"}


def test_event_names_never_heard_of_are_ordinary(hooked):
    assert deliver(hooked, *signed("quantum_merge", {})).json() == {"status": "ignored"}
    assert deliver(hooked, *signed("ping", {"zen": "x"})).status_code == 202
    body, headers = signed("push", {})
    for name in ("", "a b", "x" * 200):
        assert_problem(deliver(hooked, body, headers | {"X-GitHub-Event": name}), 400,
                       "event_missing")  # fmt: skip


def test_body_too_large_is_413_and_an_encoded_one_415(settings, open_service):
    service = open_service(
        settings(KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret", KEYFUSE_MAX_BODY="100B")
    )
    assert deliver(service, *signed("ping", {"zen": "x" * 100})).status_code == 413
    body, headers = signed("ping", {})
    assert deliver(service, body, headers | {"Content-Encoding": "gzip"}).status_code == 415


def test_same_delivery_twice_is_one_job(hooked):
    first = push(hooked, "acme/app", A, B, delivery="d1")
    again = push(hooked, "acme/app", A, B, delivery="d1")
    assert (first.json()["status"], again.json()["status"]) == ("accepted", "known")
    assert len(hooked.queue.list()) == 1
    other = push(hooked, "acme/app", A, B, delivery="d2")
    changed = push(hooked, "acme/app", A, "c" * 40, delivery="d1")
    assert other.json() == changed.json() == {"status": "accepted"}
    assert len(hooked.queue.list()) == 3


def test_redelivery_after_a_failure_is_a_new_attempt(settings, open_service):
    states = {}

    def find(job_id):
        state = states.get(job_id)
        return state and JobStatus(job_id, "push", state, "", 0, 0)

    enqueued = []
    service = open_service(
        settings(KEYFUSE_GITHUB_WEBHOOK_SECRETS="s3cret"),
        find_job=find,
        enqueue=lambda _, job: enqueued.append(job),
    )

    def again():
        return push(service, "acme/app", A, B, delivery="d1").json()["status"]

    assert again() == "accepted"
    states[enqueued[0].id] = "failed"
    assert again() == "accepted"
    assert enqueued[1].id == enqueued[0].id + "-2"
    states[enqueued[1].id] = "running"
    assert again() == "known"
    states[enqueued[1].id] = "failed"
    assert again() == "accepted"
    states[enqueued[2].id] = "done"
    assert again() == "known"


def test_refused_delivery_is_taken_when_it_comes_again(hooked, monkeypatch):
    def locked(*_):
        raise DatabaseLocked("the database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(hooked.store, "begin", locked)
        answer = push(hooked, "acme/app", A, B, delivery="d1")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert push(hooked, "acme/app", A, B, delivery="d1").json() == {"status": "accepted"}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"after": ZERO, "deleted": True}, "ref_deleted"),
        ({"after": None}, "not_understood"),
        ({"after": "--upload-pack=x"}, "not_understood"),
        ({"before": A.upper()}, "not_understood"),
        ({"before": 5}, "not_understood"),
        ({"repository": None}, "not_understood"),
        ({"repository": []}, "not_understood"),
    ],
)
def test_pushes_with_nothing_to_do(hooked, changes, word):
    assert push(hooked, "acme/app", A, B, **changes).json() == {"status": word}
    assert hooked.queue.list() == []


@pytest.mark.parametrize(
    "name",
    ["acme", "acme/", "/app", "acme/app/x", "acme/..", "../app", "acme/.", "acme/a b",
     "acme/app.git", "acme/app.GIT", "-acme/app", "acme/app?x", "acme@evil/app", "acme/%2e%2e",
     "acme/app\n", "acme:80/app", "acme/" + "x" * 101, "ac\u0441me/app"],
)  # fmt: skip
def test_names_that_are_no_repository(name):
    assert read_push(push_payload(name, A, B)) == "not_understood"


@pytest.mark.parametrize("name", ["acme/app", "Acme-Corp/a.b_c-d", "a/x", "mona_acme/-app", "a/.x"])
def test_names_that_are_repositories(name):
    assert str(read_push(push_payload(name, A, B)).repository) == name


def test_a_push_survives_the_way_through_a_job():
    payload = push_payload("acme/app", ZERO, B, 7, forced=True, installation={"id": 9})
    payload["repository"]["private"] = True
    push = read_push(payload)
    assert (push.commits, push.forced, push.default, push.private) == (7, True, True, True)
    assert Push.of(Job("push-1", "push", push.arguments(), "acme/app")) == push
    many = read_push(push_payload("acme/app", A, B, 2048))
    assert many.commits == 0


def test_arguments_hold_nothing_that_somebody_chose_freely(hooked):
    """A branch may be named like a key, and arguments stand in the database in clear."""
    token = make_key(seed=77).reveal()
    payload = push_payload("acme/app", A, B, ref=f"refs/heads/{token}")
    assert token not in str(read_push(payload).arguments())
    named = push_payload(f"acme/{token}", A, B)
    assert read_push(named) == "name_holds_a_key"


def test_key_in_the_name_of_a_ref_is_dead_when_the_answer_comes(hooked):
    issued = hooked.issue()
    push(hooked, "acme/app", A, B, ref=f"refs/heads/fix-{issued.token.reveal()}-x")
    assert hooked.state(issued) == "revoked"
    with hooked.store.read() as connection:
        leak = leaks.for_key(connection, issued.key.id)
        (kept,) = evidence_of(connection, leak.id)
    assert kept.evidence.source == "ref-name"


@pytest.mark.parametrize("action", [[], {}, ["resolved"], 5, None])
def test_an_alert_whose_action_is_no_word_is_an_alert(hooked, action):
    payload = {"action": action, "alert": {"number": 3}, "repository": {"full_name": "acme/app"}}
    for event in ("secret_scanning_alert", "secret_scanning_alert_location"):
        assert deliver(hooked, *signed(event, payload)).json() == {"status": "accepted"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


_FIELDS = [
    "ref",
    "before",
    "after",
    "commits",
    "repository",
    "installation",
    "action",
    "alert",
    "location",
    "sender",
]


@examples(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(EVENTS)), st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_any_payload_is_a_job_or_a_word(event, payload):
    outcome = EVENTS[event](Delivery(event, "0" * 32, payload))
    assert isinstance(outcome, Job | str)
