"""`POST /github/partner-alerts` through the application: each way in, its one way out."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from keyfuse_store.evidence import EVIDENCE_MAX
from keyfuse_webhook.jobs import JobQueue
from keyfuse_webhook.model import GITHUB
from support.keys import break_checksum, make_key
from support.webhook import record

VECTORS = json.loads(
    (Path(__file__).parent / "vectors/github_partner_alerts.json").read_text("utf-8")
)
ID, SIGNATURE = GITHUB.id_header, GITHUB.signature_header


def assert_problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"].endswith(code)
    assert set(body) == {"type", "title", "status", "code"}


def serve_published_keys(github):
    github.body = json.dumps(
        {
            "public_keys": [
                {
                    "key_identifier": vector["key_identifier"],
                    "key": vector["public_key_pem"],
                    "is_current": False,
                }
                for vector in VECTORS
            ]
        }
    ).encode()


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_published_request_is_accepted_and_not_ours(service, github, vector):
    serve_published_keys(github)
    headers = {ID: vector["key_identifier"], SIGNATURE: vector["signature_b64"]}
    answer = service.post(vector["payload"].encode(), headers)
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "token_hash": hashlib.sha256(b"some_token").hexdigest(),
            "token_type": "some_type",
            "label": "false_positive",
        }
    ]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
@pytest.mark.parametrize("position", [0, 30, -1])
def test_published_request_with_one_byte_changed_is_401(service, github, vector, position):
    serve_published_keys(github)
    headers = {ID: vector["key_identifier"], SIGNATURE: vector["signature_b64"]}
    body = bytearray(vector["payload"].encode())
    body[position] ^= 1
    assert_problem(service.post(bytes(body), headers), 401, "signature_invalid")


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_header_names_are_taken_in_any_case(service, github, case):
    body, headers = github.alert([])
    answer = service.post(body, {case(name): value for name, value in headers.items()})
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("missing", [ID, SIGNATURE])
def test_missing_header_is_400(service, github, missing):
    body, headers = github.alert([])
    del headers[missing]
    assert_problem(service.post(body, headers), 400, "signature_missing")


@pytest.mark.parametrize(
    ("name", "value"), [(SIGNATURE, "not base64"), (SIGNATURE, "YR=="), (ID, "two words")]
)
def test_malformed_header_is_400(service, github, name, value):
    body, headers = github.alert([])
    assert_problem(service.post(body, headers | {name: value}), 400, "signature_malformed")
    assert github.requests == []


@pytest.mark.parametrize("der", ["AAAA", "MAYCAQACAQE=", "MAYCAQECAQA="])
def test_signature_that_is_no_signature_is_401(service, github, der):
    body, headers = github.alert([])
    assert_problem(service.post(body, headers | {SIGNATURE: der}), 401, "signature_invalid")


def test_signature_of_another_body_is_401_before_the_json_is_looked_at(service, github):
    _, headers = github.alert([])
    assert_problem(service.post(b"{not json", headers), 401, "signature_invalid")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"x", "not_json"),
        (b"\xef\xbb\xbf[]", "not_json"),
        (b"[" * 50_000, "not_json"),
        (b"{}", "not_a_list"),
        (b'{"token": "x"}', "not_a_list"),
        (b"null", "not_a_list"),
    ],
)
def test_signed_body_that_is_no_list_is_400(service, github, body, code):
    assert_problem(service.post(body, github.sign(body)), 400, code)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
def test_encoded_body_is_415(service, github, encoding):
    body, headers = github.alert([])
    answer = service.post(body, headers | {"Content-Encoding": encoding})
    assert_problem(answer, 415, "encoded_body")


def test_identity_encoding_is_none(service, github):
    body, headers = github.alert([])
    assert service.post(body, headers | {"Content-Encoding": "identity"}).status_code == 200


def test_body_over_the_limit_is_413_and_one_at_the_limit_is_taken(settings, open_service, github):
    service = open_service(settings(KEYFUSE_MAX_BODY="1000"))
    body = b"[" + b" " * 998 + b"]"
    assert service.post(body, github.sign(body)).status_code == 200
    body = b"[" + b" " * 999 + b"]"
    assert_problem(service.post(body, github.sign(body)), 413, "body_too_large")


def test_body_without_a_length_is_cut_off_at_the_limit(settings, open_service, github):
    service = open_service(settings(KEYFUSE_MAX_BODY="1000"))
    taken = []

    async def pieces():
        for number in range(1000):
            taken.append(number)
            yield b" " * 100

    answer = service.post(pieces(), github.sign(b""))
    assert_problem(answer, 413, "body_too_large")


def test_unknown_key_id_is_401_and_a_flood_of_them_fetches_once(service, github):
    body, headers = github.alert([])
    assert service.post(body, headers).status_code == 200
    for number in range(50):
        answer = service.post(body, headers | {ID: f"{number:064x}"})
        assert_problem(answer, 401, "signing_key_unknown")
    assert len(github.requests) == 2
    assert service.post(body, headers).status_code == 200


def test_rotation_is_followed_at_once_and_the_old_key_stays_good(service, github):
    old = github.alert([])
    assert service.post(*old).status_code == 200
    github.rotate()
    assert service.post(*github.alert([])).status_code == 200
    assert service.post(*old).status_code == 200


@pytest.mark.parametrize("status", [403, 404, 429, 500, 502])
def test_key_endpoint_down_is_503_until_a_list_was_had(service, github, status):
    github.status = status
    answer = service.alert()
    assert_problem(answer, 503, "signing_keys_unavailable")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"public_keys": []}', b"\xff"])
def test_key_endpoint_that_talks_nonsense_is_503(service, github, body):
    github.body = body
    assert_problem(service.alert(), 503, "signing_keys_unavailable")


def test_cached_keys_outlive_the_endpoint(service, github):
    assert service.alert().status_code == 200
    github.status = 500
    assert service.alert().status_code == 200


# What is ours


def test_leaked_key_is_dead_when_the_answer_comes(service):
    issued = service.issue()
    token = issued.token.reveal()
    assert service.store.verify(token).code == "valid"
    answer = service.alert(record(token))
    assert answer.json() == [
        {
            "token_hash": hashlib.sha256(token.encode()).hexdigest(),
            "token_type": "acme_key",
            "label": "true_positive",
        }
    ]
    assert service.store.verify(token).code == "revoked"
    key = service.store.get(issued.key.id)
    assert "github" in key.revoke_reason


def test_replay_gets_the_same_answer_and_changes_nothing(service):
    issued = service.issue()
    body, headers = service.github.alert([record(issued.token.reveal())])
    first = service.post(body, headers)
    revoked = service.store.get(issued.key.id).revoked
    again = service.post(body, headers)
    assert again.content == first.content
    assert service.store.get(issued.key.id).revoked == revoked
    assert len(service.queue.list()) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda token: token[:-1], id="truncated"),
        pytest.param(lambda token: token[1:], id="cut in front"),
        pytest.param(lambda token: token + "0", id="over-long"),
        pytest.param(break_checksum, id="checksum"),
        pytest.param(lambda token: token.swapcase(), id="case"),
        pytest.param(lambda token: token[: -38 - 0], id="id only"),
        pytest.param(lambda token: token + "\n" + token, id="twice"),
    ],
)
def test_nothing_is_revoked_without_the_whole_secret(service, change):
    issued = service.issue()
    assert service.labels(record(change(issued.token.reveal()))) == ["false_positive"]
    assert service.state(issued) == "active"


def test_key_with_a_right_checksum_and_a_known_id_but_another_secret_is_not_ours(service):
    from zlib import crc32

    from keyfuse_rules.base62 import encode_crc32

    issued = service.issue()
    body = issued.token.reveal()[:-38] + "A" * 32
    assert service.labels(record(body + encode_crc32(crc32(body.encode())))) == ["false_positive"]
    assert service.state(issued) == "active"


def test_key_of_another_installation_is_not_ours(service):
    assert service.labels(record(make_key().reveal())) == ["false_positive"]


@pytest.mark.parametrize("around", [" {}\n", '"{}"', "'{}'", "Bearer {}", "secret-token:{}"])
def test_presentation_is_stripped_and_the_hash_is_of_the_token_as_received(service, around):
    issued = service.issue()
    received = around.format(issued.token.reveal())
    (entry,) = service.alert(record(received)).json()
    assert entry["label"] == "true_positive"
    assert entry["token_hash"] == hashlib.sha256(received.encode()).hexdigest()
    assert service.state(issued) == "revoked"


@pytest.mark.parametrize(
    "odd",
    [None, 1, "x", [], {}, {"token": None}, {"token": 5}, {"token": ""}, {"token": "a b"},
     {"token": '"'}, {"token": "x", "source": "never_heard_of"}, {"token": "\ud800"},
     {"token": "x" * 100_000}, {"token": "x", "url": None, "type": 7}],
)  # fmt: skip
def test_odd_neighbour_costs_no_record_its_answer(service, odd):
    issued = service.issue()
    labels = service.labels(odd, record(issued.token.reveal()))
    assert labels[-1] == "true_positive"
    assert service.state(issued) == "revoked"


@pytest.mark.parametrize(
    "fields",
    [{"source": "commit"}, {"source": "COMMIT"}, {"source": "something_new"}, {"source": None},
     {"source": 7}, {"url": ""}, {"url": None}, {"type": None}, {"type": "some other type"}],
    ids=str,
)  # fmt: skip
def test_fields_beside_the_token_never_decide(service, fields):
    issued = service.issue()
    assert service.labels(record(issued.token.reveal(), **fields)) == ["true_positive"]
    assert service.state(issued) == "revoked"


def test_record_of_only_a_token_is_enough(service):
    issued = service.issue()
    (entry,) = service.alert({"token": issued.token.reveal()}).json()
    assert (entry["label"], entry["token_type"]) == ("true_positive", None)


def test_same_token_twice_in_a_delivery_is_one_job_and_two_answers(service):
    issued = service.issue()
    token = issued.token.reveal()
    labels = service.labels(record(token, url="https://a.example/"), record(token))
    assert labels == ["true_positive"] * 2
    assert len(service.queue.list()) == 1


def test_answer_keeps_the_order_of_the_records(service):
    issued = [service.issue() for _ in range(3)]
    tokens = ["no key", *[one.token.reveal() for one in issued], make_key().reveal()]
    answer = service.alert(*[record(token) for token in tokens]).json()
    assert [e["token_hash"] for e in answer] == [
        hashlib.sha256(token.encode()).hexdigest() for token in tokens
    ]
    assert [e["label"][0] for e in answer] == list("ftttf")


def test_revoked_expired_and_suspended_keys_are_true_positives(service):
    from datetime import UTC, datetime, timedelta

    revoked = service.issue()
    service.store.revoke(revoked.key.id, reason="by hand")
    past = datetime.now(UTC) + timedelta(seconds=1)
    expired = service.issue(expires_at=past)
    suspended = service.issue()
    service.store.suspend(suspended.key.id, reason="pause")
    tokens = [one.token.reveal() for one in (revoked, expired, suspended)]
    assert service.labels(*map(record, tokens)) == ["true_positive"] * 3
    assert service.state(suspended) == "revoked"
    assert service.store.get(revoked.key.id).revoke_reason == "by hand"


def test_key_types_policy_decides_what_happens(settings, open_service):
    service = open_service(
        settings(
            """
            [[key_types]]
            prefix = "acme_pk_live"
            publishable = true
            [[key_types]]
            prefix = "acme_test"
            on_leak = "quarantine"
            quarantine_scopes = ["invoices:read"]
            """
        )
    )
    public = service.issue(prefix="acme_pk_live")
    cut = service.issue(prefix="acme_test", scopes=["invoices:read", "invoices:write"])
    plain = service.issue()
    tokens = [one.token.reveal() for one in (public, cut, plain)]
    assert service.labels(*map(record, tokens)) == ["true_positive"] * 3
    assert [service.state(one) for one in (public, cut, plain)] == [
        "active",
        "quarantined",
        "revoked",
    ]


def test_dry_run_spares_the_key_and_the_same_alert_kills_it_afterwards(settings, open_service):
    service = open_service(settings(KEYFUSE_DRY_RUN="true"))
    issued = service.issue()
    alert = service.github.alert([record(issued.token.reveal())])
    assert service.post(*alert).json()[0]["label"] == "true_positive"
    assert service.state(issued) == "active"
    assert service.queue.list() == []
    service = open_service(settings())
    assert service.post(*alert).json()[0]["label"] == "true_positive"
    assert service.state(issued) == "revoked"
    assert len(service.queue.list()) == 1


# Nothing half done


def test_failure_inside_the_transaction_leaves_nothing_behind_and_the_replay_does_it(
    settings, open_service
):
    failing = [True]
    queues = []

    def enqueue(connection, job):
        queues[0].enqueue(connection, job)
        if failing[0]:
            raise RuntimeError("the disk is on fire")

    service = open_service(settings(), enqueue=enqueue)
    queues.append(JobQueue(f"sqlite:///{service.store.database.path}"))
    issued = service.issue()
    alert = service.github.alert([record(issued.token.reveal())])
    assert_problem(service.post(*alert), 500, "internal_error")
    assert service.state(issued) == "active"
    assert service.queue.list() == []
    failing[0] = False
    assert service.post(*alert).json()[0]["label"] == "true_positive"
    assert service.state(issued) == "revoked"
    assert len(service.queue.list()) == 1
    queues[0].close()


def test_database_gone_is_503_with_retry_after(service):
    issued = service.issue()
    path = service.store.database.path
    path.rename(path.with_suffix(".away"))
    answer = service.alert(record(issued.token.reveal()))
    assert_problem(answer, 503, "database_unavailable")
    assert answer.headers["retry-after"]
    path.with_suffix(".away").rename(path)
    assert service.labels(record(issued.token.reveal())) == ["true_positive"]


def test_batch_of_50_000_is_answered_after_the_last_commit(service):
    issued = [service.issue(owner=f"owner{number % 7}@example.com") for number in range(30)]
    tokens = {number * 1500: one.token.reveal() for number, one in enumerate(issued)}
    records = [record(tokens.get(number, f"no key {number}")) for number in range(50_000)]
    answer = service.alert(*records).json()
    assert len(answer) == 50_000
    assert [n for n, e in enumerate(answer) if e["label"] == "true_positive"] == sorted(tokens)
    assert {service.state(one) for one in issued} == {"revoked"}
    assert len(service.queue.list()) == 7


def test_one_key_in_thousands_of_places_costs_no_statement_for_each(service):
    """The sender waits for the answer, and an incident keeps a hundred places of it anyway."""
    issued, other = service.issue(), service.issue(owner="other@example.com")
    records = [
        record(issued.token.reveal(), url=f"https://example.com/{number}", source="content")
        for number in range(3000)
    ]
    records[1500:1500] = [record(other.token.reveal())] * 1000
    statements: list[str] = []

    def listen(*event: Any) -> None:
        statements.append(event[2])

    sqlalchemy_event.listen(service.store.database.engine, "before_cursor_execute", listen)
    answer = service.alert(*records).json()
    sqlalchemy_event.remove(service.store.database.engine, "before_cursor_execute", listen)
    assert [entry["label"] for entry in answer] == ["true_positive"] * 4000
    assert {service.state(issued), service.state(other)} == {"revoked"}
    assert len(statements) < 1500
    assert len(service.store.leak(issued.key.id).evidence) == EVIDENCE_MAX
    assert len(service.store.leak(other.key.id).evidence) == 1
    assert len(service.queue.list()) == 2


def test_no_secret_stands_in_any_table(service):
    import sqlite3
    from contextlib import closing

    issued = service.issue()
    token = issued.token.reveal()
    service.alert(record(token, url=f"https://example.com/?q={token}", source=token))
    assert service.state(issued) == "revoked"
    with closing(sqlite3.connect(service.store.database.path)) as connection:
        dump = "\n".join(connection.iterdump())
    assert issued.key.id in dump
    assert token[-38:] not in dump
    assert token[-38:-6] not in dump
