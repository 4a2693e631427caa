"""From a leak to a mail: the job, the worker and a real SMTP server."""

import threading
from collections import Counter

import pytest

from keyfuse_store import audit, leak_steps, leaks
from keyfuse_store.evidence import Evidence
from keyfuse_webhook import notification, revocation
from keyfuse_webhook.jobs_model import Job, Outcome
from keyfuse_webhook.mail_sink import MailSink, free_port
from keyfuse_webhook.notification import NO_TARGET
from keyfuse_webhook.revocation import LeakResponse, Sighting
from support.http_sink import HttpSink
from support.notices import SECRETS
from support.webhook import eventually, record, text_of

MAIL = {"KEYFUSE_MAIL_FROM": "keyfuse <alerts@acme.example>"}


@pytest.fixture
def mailing(settings, open_service, sink):
    return open_service(settings(KEYFUSE_SMTP_URL=sink.url, **MAIL))


def jobs_in(service, state):
    return [job for job in service.queue.list(10_000) if job.state == state]


def told(service, target="mail"):
    """The job of one target, when it has ended well."""
    ended = service.queue.list(states=["done"], kind=f"tell-{target}")
    return ended[0] if ended else None


def all_done(service):
    return eventually(lambda: {job.state for job in service.queue.list(10_000)} == {"done"})


def leak_states(service):
    with service.store.read() as connection:
        return [leak.state for leak in leaks.page(connection)]


def test_owner_gets_one_mail_that_names_everything_but_the_secret(mailing, sink, work):
    issued = mailing.issue(scopes=["invoices:read"])
    url = "https://github.com/acme/app/blob/1/settings.toml"
    mailing.alert(record(issued.token.reveal(), url=url, source="commit"))
    work(mailing.store)
    eventually(lambda: sink.mails)
    all_done(mailing)
    (mail,) = sink.mails
    assert mail["To"] == "owner@example.com"
    assert mail["From"] == "keyfuse <alerts@acme.example>"
    text = text_of(mail)
    for fact in [issued.key.id, "acme_live", "ci", "invoices:read", url, "First seen", "revoked"]:
        assert fact in text
    assert issued.token.reveal()[-38:] not in mail.as_string().replace("=\n", "")
    assert leak_states(mailing) == ["notified"]


def test_message_id_is_that_of_the_job(mailing, sink, work):
    mailing.alert(record(mailing.issue().token.reveal()))
    (job,) = mailing.queue.list()
    work(mailing.store)
    eventually(lambda: sink.mails)
    assert sink.mails[0]["Message-ID"] == f"<{job.id}@acme.example>"


def test_keys_of_one_owner_in_a_delivery_are_one_mail_and_each_owner_gets_one(mailing, sink, work):
    issued = [mailing.issue(owner=f"owner{number % 2}@example.com") for number in range(6)]
    mailing.alert(*[record(one.token.reveal()) for one in issued])
    work(mailing.store)
    eventually(lambda: len(sink.mails) == 2)
    all_done(mailing)
    assert sorted(mail["To"] for mail in sink.mails) == ["owner0@example.com", "owner1@example.com"]
    for number, one in enumerate(issued):
        (holder,) = [mail for mail in sink.mails if one.key.id in text_of(mail)]
        assert holder["To"] == f"owner{number % 2}@example.com"


def test_replay_and_further_evidence_send_no_second_mail(mailing, sink, work):
    token = mailing.issue().token.reveal()
    work(mailing.store)
    mailing.alert(record(token))
    eventually(lambda: sink.mails)
    mailing.alert(record(token))
    mailing.alert(record(token, url="https://elsewhere.example/", source="gist_content"))
    all_done(mailing)
    assert len(sink.mails) == 1


def test_key_that_was_dead_before_it_leaked_needs_no_mail(mailing):
    issued = mailing.issue()
    mailing.store.revoke(issued.key.id, reason="old")
    assert mailing.labels(record(issued.token.reveal())) == ["true_positive"]
    assert mailing.queue.list() == []


def test_publishable_key_is_told_of_once(settings, open_service, sink, work):
    config = '[[key_types]]\nprefix = "acme_pk_live"\npublishable = true\n'
    service = open_service(settings(config, KEYFUSE_SMTP_URL=sink.url))
    token = service.issue(prefix="acme_pk_live").token.reveal()
    work(service.store)
    for _ in range(3):
        service.alert(record(token))
    eventually(lambda: sink.mails)
    all_done(service)
    (mail,) = sink.mails
    assert "still valid" in text_of(mail)


def test_mail_waits_for_a_server_that_is_down_and_survives_a_restart(settings, open_service, work):
    port = free_port()
    service = open_service(settings(KEYFUSE_SMTP_URL=f"smtp://127.0.0.1:{port}"))
    service.alert(record(service.issue().token.reveal()))
    first = work(service.store)
    eventually(lambda: jobs_in(service, "running"))
    first.stop()
    assert jobs_in(service, "waiting")
    work(service.store)
    with MailSink(port) as sink:
        eventually(lambda: sink.mails)
        all_done(service)
        assert len(sink.mails) == 1
    assert leak_states(service) == ["notified"]


def test_mail_refused_for_now_is_sent_again_under_the_same_message_id(mailing, sink, work):
    seen = []

    def answer(envelope):
        seen.append(envelope.content)
        return "250 kept" if len(seen) > 2 else "451 greylisted"

    sink.answer = answer
    mailing.alert(record(mailing.issue().token.reveal()))
    work(mailing.store)
    eventually(lambda: sink.mails)
    all_done(mailing)
    ids = {line for raw in seen for line in raw.splitlines() if line.startswith(b"Message-ID")}
    assert (len(seen), len(ids)) == (3, 1)


def test_mail_refused_for_good_is_undeliverable_and_visible(mailing, sink, work):
    sink.answer = lambda _: "550 no such user"
    mailing.alert(record(mailing.issue().token.reveal()))
    work(mailing.store)
    (job,) = eventually(lambda: jobs_in(mailing, "undeliverable"))
    assert "550" in job.reason
    assert leak_states(mailing) == ["undeliverable"]


def test_mail_refused_for_good_goes_to_the_fallback_address(settings, open_service, sink, work):
    service = open_service(
        settings(KEYFUSE_SMTP_URL=sink.url, KEYFUSE_FALLBACK_OWNER="security@acme.example")
    )
    sink.answer = lambda envelope: (
        "250 kept" if envelope.rcpt_tos == ["security@acme.example"] else "550 gone"
    )
    service.alert(record(service.issue().token.reveal()))
    work(service.store)
    eventually(lambda: sink.mails)
    assert "fallback" in eventually(lambda: told(service)).reason


def test_without_a_mail_server_the_key_dies_and_the_job_is_undeliverable(service, work):
    issued = service.issue()
    assert service.labels(record(issued.token.reveal())) == ["true_positive"]
    assert service.state(issued) == "revoked"
    work(service.store)
    (job,) = eventually(lambda: jobs_in(service, "undeliverable"))
    assert job.reason == NO_TARGET
    assert eventually(lambda: leak_states(service) == ["undeliverable"])


def test_owner_whose_mail_is_stuck_holds_up_nobody_else(mailing, sink, work):
    sink.answer = lambda envelope: (
        "451 later" if envelope.rcpt_tos == ["stuck@example.com"] else "250 kept"
    )
    for owner in ("stuck@example.com", "a@example.com", "b@example.com"):
        mailing.alert(record(mailing.issue(owner=owner).token.reveal()))
    work(mailing.store)
    eventually(lambda: len(sink.mails) == 2)
    assert {mail["To"] for mail in sink.mails} == {"a@example.com", "b@example.com"}


def test_delivery_in_many_transactions_is_one_mail_per_owner(mailing, sink, work, monkeypatch):
    monkeypatch.setattr(revocation, "BATCH", 3)
    work(mailing.store)
    issued = [mailing.issue(owner=f"owner{number % 4}@example.com") for number in range(20)]
    mailing.alert(*[record(one.token.reveal()) for one in issued])
    eventually(lambda: len(sink.mails) == 4)
    all_done(mailing)
    assert len(sink.mails) == 4
    text = "".join(text_of(mail) for mail in sink.mails)
    assert all(one.key.id in text for one in issued)


def test_delivery_that_broke_off_is_told_of_when_it_has_been_open_too_long(
    mailing, sink, work, monkeypatch
):
    monkeypatch.setattr(notification, "LONGEST_OPEN", 1_000_000)
    monkeypatch.setattr(revocation, "BATCH", 1)
    enqueue = revocation.LeakResponse._deal
    calls = []

    def break_off(self, *args):
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return enqueue(self, *args)

    monkeypatch.setattr(revocation.LeakResponse, "_deal", break_off)
    issued = [mailing.issue() for _ in range(2)]
    alert = mailing.github.alert([record(one.token.reveal()) for one in issued])
    assert mailing.post(*alert).status_code == 500
    work(mailing.store)
    eventually(lambda: len(sink.mails) == 1)
    # GitHub comes again; the half that is dead is not told of twice.
    assert mailing.post(*alert).status_code == 200
    eventually(lambda: len(sink.mails) == 2)
    for one in issued:
        assert sum(one.key.id in text_of(mail) for mail in sink.mails) == 1


def test_receipt_open_for_too_long_is_followed_by_another(mailing, sink, work, monkeypatch):
    monkeypatch.setattr(revocation, "BATCH", 1)
    monkeypatch.setattr(revocation, "_RECEIPT_LIFE", -1)
    issued = [mailing.issue() for _ in range(3)]
    mailing.alert(*[record(one.token.reveal()) for one in issued])
    work(mailing.store)
    eventually(lambda: len(sink.mails) == 3)
    text = "".join(text_of(mail) for mail in sink.mails)
    assert all(text.count(f"Key:        {one.key.id}") == 1 for one in issued)


def test_alerts_at_once_for_one_key_are_one_revocation_and_one_mail(mailing, sink, work):
    token = mailing.issue().token.reveal()
    alert = mailing.github.alert([record(token)])
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(mailing.post(*alert))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.content for answer in answers}) == 1
    work(mailing.store)
    eventually(lambda: sink.mails)
    all_done(mailing)
    assert len(sink.mails) == 1


# Many targets


@pytest.fixture
def everywhere(settings, open_service, sink):
    """A service that tells by mail, in a Slack channel and at a webhook."""
    with HttpSink() as slack, HttpSink() as hook:
        service = open_service(
            settings(
                KEYFUSE_SMTP_URL=sink.url,
                KEYFUSE_SLACK_WEBHOOK_URL=slack.url,
                KEYFUSE_NOTIFY_WEBHOOK_URL=hook.url,
                KEYFUSE_NOTIFY_WEBHOOK_SECRET=SECRETS[0],
                **MAIL,
            )
        )
        yield service, slack, hook


def steps(service, issued):
    with service.store.read() as connection:
        leak = leaks.for_key(connection, issued.key.id)
        return {step.name: step.state for step in leak_steps.of_leak(connection, leak.id)}


def audited(service):
    with service.store.read() as connection:
        entries = audit.entries(connection, limit=1000)
        assert audit.verify_chain(connection, service.store.peppers).problem is None
    return Counter(entry.action for entry in entries)


def test_every_target_is_told_once_and_each_is_a_step_of_the_incident(everywhere, sink, work):
    service, slack, hook = everywhere
    issued = service.issue()
    service.alert(record(issued.token.reveal()))
    work(service.store)
    eventually(lambda: sink.mails and slack.taken and hook.taken)
    all_done(service)
    assert (len(sink.mails), len(slack.taken), len(hook.taken)) == (1, 1, 1)
    assert steps(service, issued) == {"mail": "done", "slack": "done", "webhook": "done"}
    assert leak_states(service) == ["notified"]
    assert audited(service)["owner.notified"] == 3
    token = issued.token.reveal()[-38:]
    assert not any(token.encode() in one.body for one in slack.posted + hook.posted)


def test_target_that_is_down_holds_up_and_repeats_no_other(everywhere, sink, work):
    service, slack, hook = everywhere
    sink.answer = lambda _: "451 later"
    hook.answer = lambda _: (403, {})
    issued = [service.issue() for _ in range(3)]
    work(service.store)
    for one in issued:
        service.alert(record(one.token.reveal()))
    eventually(lambda: len(slack.taken) == 3)
    eventually(lambda: len(service.queue.list(states=["undeliverable"])) == 3)
    assert not sink.mails
    sink.answer = lambda _: "250 kept"
    eventually(lambda: len(sink.mails) == 3, 30)
    eventually(lambda: not service.queue.list(states=["waiting", "running"]))
    assert len(slack.taken) == 3
    assert leak_states(service) == ["notified"] * 3
    for one in issued:
        assert steps(service, one) == {
            "mail": "done", "slack": "done", "webhook": "undeliverable"
        }  # fmt: skip


def test_messages_of_an_owner_come_in_their_order_after_an_outage(everywhere, sink, work):
    service, slack, hook = everywhere
    sink.answer = lambda _: "451 later"
    slack.answer = hook.answer = lambda _: (503, {})
    issued = [service.issue(owner=f"o{number % 2}@example.com") for number in range(8)]
    work(service.store)
    for one in issued:
        service.alert(record(one.token.reveal()))
    eventually(lambda: len(service.queue.list(states=["running"])) == 6)
    sink.answer = lambda _: "250 kept"
    slack.answer = hook.answer = lambda _: (200, {})
    eventually(lambda: all(len(t) == 8 for t in (sink.mails, slack.taken, hook.taken)), 60)
    said = {
        "mail": [text_of(mail) for mail in sink.mails],
        "slack": [one.body.decode() for one in slack.taken],
        "webhook": [one.body.decode() for one in hook.taken],
    }
    for number in range(2):
        wanted = [one.key.id for one in issued[number::2]]
        for target, texts in said.items():
            found = [key for text in texts for key in wanted if key in text]
            assert found == wanted, target


def test_dead_letter_is_delivered_when_the_target_is_repaired(everywhere, sink, work):
    service, slack, _ = everywhere
    slack.answer = lambda _: (404, {})
    issued = service.issue()
    service.alert(record(issued.token.reveal()))
    work(service.store)
    (dead,) = eventually(lambda: service.queue.list(states=["undeliverable"]))
    assert dead.reason == "Slack answered 404"
    slack.answer = lambda _: (200, {})
    assert service.queue.retry(dead)
    eventually(lambda: slack.taken)
    all_done(service)
    assert steps(service, issued)["slack"] == "done"
    assert len(sink.mails) == 1


def test_notice_without_a_target_is_delivered_when_there_is_one(
    settings, open_service, sink, work, service
):
    issued = service.issue()
    service.alert(record(issued.token.reveal()))
    first = work(service.store)
    (dead,) = eventually(lambda: service.queue.list(states=["undeliverable"]))
    eventually(lambda: leak_states(service) == ["undeliverable"])
    first.stop()
    mailing = open_service(settings(KEYFUSE_SMTP_URL=sink.url))
    work(mailing.store)
    assert mailing.queue.retry(dead)
    eventually(lambda: sink.mails)
    eventually(lambda: leak_states(service) == ["notified"])
    assert steps(service, issued) == {"notify": "undeliverable", "mail": "done"}


def test_conclusion_that_is_written_twice_changes_nothing(everywhere, sink, work):
    service, *_ = everywhere
    issued = service.issue()
    service.alert(record(issued.token.reveal()))
    work(service.store)
    all_done(service)
    before = audited(service)
    (job,) = service.queue.list(kind="tell-mail")
    again = Job(job.id, job.kind, job.arguments, job.line)
    notification._conclude(service.store, again, "mail", Outcome("done"))
    assert audited(service) == before


def test_last_calls_before_the_end_are_counted(mailing, sink, work, monkeypatch):
    monkeypatch.setattr(notification, "COUNTED", 1_500_000)
    issued = mailing.issue()
    for _ in range(3):
        assert mailing.store.verify(issued.token).ok
    claimed = Evidence("scan", "scan", claimed_us=mailing.store.clock() - 60_000_000)
    LeakResponse(mailing.store, mailing.queue.enqueue).respond(
        [Sighting(issued.key, claimed)], actor="scan"
    )
    work(mailing.store)
    eventually(lambda: sink.mails)
    assert "at most 3 times between the leak and its end" in text_of(sink.mails[0])
