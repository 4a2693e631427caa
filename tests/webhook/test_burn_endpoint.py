"""`POST /v1/leaks`: whoever holds a leaked key may burn it; nothing else can be done with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_store import audit, leaks
from keyfuse_store.errors import DatabaseLocked
from keyfuse_store.evidence import evidence_of
from keyfuse_webhook.burn import BAD_REPORT, Report, read_reports
from keyfuse_webhook.notification import Told
from keyfuse_webhook.notifiers import NOTIFIERS
from support.keys import break_checksum, make_key
from support.service import running_service, service_environment
from support.webhook import text_of

ACCEPTED = {"status": "accepted"}


def burn(service, *tokens, **words):
    return service.request("POST", "/v1/leaks", json={"tokens": list(tokens), **words})


def evidence(service, issued):
    with service.store.read() as connection:
        leak = leaks.for_key(connection, issued.key.id)
        return leak and [kept.evidence for kept in evidence_of(connection, leak.id)]


def test_key_is_dead_when_the_answer_comes(service):
    issued = service.issue()
    answer = burn(service, issued.token.reveal(), url="https://paste.example/1", source="Paste")
    assert (answer.status_code, answer.json()) == (202, ACCEPTED)
    assert service.store.verify(issued.token).code == "revoked"
    (kept,) = evidence(service, issued)
    assert (kept.origin, kept.trust) == ("report", "possession")
    assert (kept.source, kept.url) == ("Paste", "https://paste.example/1")
    assert service.store.get(issued.key.id).revoke_reason == "leaked, reported by anonymous"


def test_answer_does_not_tell_whose_token_it_was(service):
    issued = service.issue()
    tokens = [issued.token.reveal(), make_key().reveal(), "x", "", break_checksum("x0")]
    answers = [burn(service, token) for token in tokens]
    answers += [burn(service, issued.token.reveal()), burn(service)]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (202, b'{"status":"accepted"}')
    }
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1


@pytest.mark.parametrize("form", ["list", "object", "records", "bare"])
def test_forms_of_a_report(service, form):
    issued = service.issue()
    token = f' "Bearer {issued.token.reveal()}"\n'
    body = {
        "list": {"tokens": [token], "url": "u"},
        "object": {"token": token, "url": "u"},
        "records": {"tokens": [{"token": token, "url": "u"}], "url": "other"},
        "bare": [{"token": token, "url": "u"}],
    }[form]
    assert service.request("POST", "/v1/leaks", json=body).status_code == 202
    assert service.state(issued) == "revoked"
    assert [kept.url for kept in evidence(service, issued)] == ["u"]


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"null", b"1", b"{}", b'{"tokens": 1}', b'{"tokens": [1]}', b'{"tokens": [null]}',
     b'{"tokens": {}}', b'{"token": 1}', b'{"tokens": ["x"], "token": "x"}', b'[["x"]]',
     b'{"tokens": [{"url": "u"}]}', b"\xff", b"[" * 50_000],
)  # fmt: skip
def test_malformed_report_is_400_and_not_echoed(service, body):
    answer = service.request("POST", "/v1/leaks", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_report")


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["tokens", "token", "url"]),
                                                    inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_body_is_reports_or_a_refusal(body):
    read = read_reports(body)
    assert read == BAD_REPORT or all(isinstance(one, Report) for one in read)


def test_a_thousand_tokens_are_taken_and_one_more_is_not(service):
    issued = service.issue()
    many = ["x"] * 999 + [issued.token.reveal()]
    refused = burn(service, *many, "x")
    assert (refused.status_code, refused.json()["code"]) == (413, "too_many_tokens")
    assert service.state(issued) == "active"
    assert burn(service, *many).status_code == 202
    assert service.state(issued) == "revoked"


def test_body_of_more_than_256_kib_is_413_and_an_encoded_one_415(service):
    body = json.dumps({"tokens": ["x" * 256 * 1024]}).encode()
    assert service.request("POST", "/v1/leaks", content=body).status_code == 413
    zipped = service.request(
        "POST", "/v1/leaks", content=b"x", headers={"Content-Encoding": "gzip"}
    )
    assert zipped.status_code == 415


def test_flood_is_429_before_the_body_is_read(service):
    issued = service.issue()
    answers = [service.request("POST", "/v1/leaks", content=b"x") for _ in range(60)]
    assert {answer.status_code for answer in answers} == {400}
    refused = burn(service, issued.token.reveal())
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit-policy"] == '"address";q=60;w=60'
    assert refused.headers["ratelimit"].startswith('"address";r=0;t=')
    assert service.state(issued) == "active"
    # A body that never comes: an endpoint that waited for it would not answer.
    unread = service.request(
        "POST", "/v1/leaks", content=b"", headers={"Content-Length": "999999999"}
    )
    assert unread.status_code == 429


def test_the_policy_of_the_key_type_holds(settings, open_service):
    service = open_service(
        settings(
            '[[key_types]]\nprefix = "acme_pk_live"\npublishable = true\n'
            '[[key_types]]\nprefix = "acme_q"\non_leak = "quarantine"\nquarantine_scopes = ["a:b"]'
        )
    )
    public, cut = service.issue(prefix="acme_pk_live"), service.issue(prefix="acme_q")
    assert burn(service, public.token.reveal(), cut.token.reveal()).status_code == 202
    assert service.state(public) == "active"
    assert service.state(cut) == "quarantined"


def test_same_report_twice_adds_nothing(service):
    issued = service.issue()
    for _ in range(3):
        burn(service, issued.token.reveal(), issued.token.reveal(), url="u")
    assert len(evidence(service, issued)) == 1
    with service.store.read() as connection:
        actions = [entry.action for entry in audit.entries(connection, subject=issued.key.id)]
    assert actions.count("key.revoked") == 1
    assert len(service.queue.list()) == 1


def test_words_that_repeat_a_token_are_not_kept(service):
    issued = service.issue()
    foreign = "somebody-elses-secret"
    burn(service, issued.token.reveal(), foreign, url=f"https://x.example/?k={foreign}")
    assert [kept.url for kept in evidence(service, issued)] == [None]


def test_mail_tells_of_the_report_without_its_words(service, settings, sink):
    issued = service.issue()
    burn(
        service, issued.token.reveal(), url="https://phish.example/x", source="visit phish.example"
    )
    (job,) = service.queue.list()
    store = _with_mail(service, settings, sink)
    with_mail = Told(store, "mail", NOTIFIERS["mail"](store.settings))
    _, receipt, owner = job.id.split("-")
    with_mail.tell(_job(job.id, receipt, owner))
    (mail,) = sink.mails
    text = text_of(mail)
    assert issued.key.id in text
    assert "phish" not in text
    with service.store.read() as connection:
        assert f"keyfuse leaks show {leaks.for_key(connection, issued.key.id).id}" in text


def _with_mail(service, settings, sink):
    from keyfuse_store import KeyStore

    loaded = settings(KEYFUSE_SMTP_URL=sink.url)
    return KeyStore(service.store.database, service.store.peppers, loaded)


def _job(job_id, *arguments):
    from keyfuse_webhook.jobs_model import Job

    return Job(job_id, "notify", arguments, "line")


def test_database_that_cannot_be_written_is_503_and_nothing_is_lost(service, monkeypatch):
    issued = service.issue()

    def busy(*_):
        raise DatabaseLocked("the database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(service.store, "begin", busy)
        answer = burn(service, issued.token.reveal())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert burn(service, issued.token.reveal()).status_code == 202
    assert service.state(issued) == "revoked"


def test_forwarded_addresses_count_behind_trusted_proxies_only(tmp_path):
    """The real server, once with the proxy trusted and once without."""
    import httpx

    from keyfuse_webhook.mail_sink import free_port

    def statuses(name, **more):
        port, environment = free_port(), service_environment(tmp_path / name, **more)
        with (
            running_service(port, environment, tmp_path / f"{name}.log", "--no-worker"),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            return [
                client.post(
                    "/v1/leaks",
                    content=b"x",
                    headers={"X-Forwarded-For": f"203.0.113.9, 192.0.2.{number}"},
                ).status_code
                for number in range(62)
            ]

    assert set(statuses("trusted", KEYFUSE_TRUSTED_PROXIES="127.0.0.0/8")) == {400}
    assert statuses("untrusted")[-2:] == [429, 429]
