"""From a push to a dead key, with a real git server and the job worker."""

import asyncio
import hashlib
import time

import pytest

from keyfuse_rules import Secret
from keyfuse_store import audit, leaks
from keyfuse_store.evidence import evidence_of
from keyfuse_store.importing import OldKey
from keyfuse_store.issue import KeyOrder
from keyfuse_webhook.github_jobs import github_handlers
from keyfuse_webhook.jobs_model import Job, TryAgain
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_response import PushResponse
from keyfuse_webhook.push_scan import PushScan
from keyfuse_webhook.revocation import LeakResponse
from support.hooks import ZERO, push_payload, signed
from support.webhook import eventually


@pytest.fixture
def hooked(settings, open_service, server):
    def start(config="", **more):
        given = {
            "KEYFUSE_GITHUB_WEBHOOK_SECRETS": "s3cret",
            "KEYFUSE_GITHUB_SERVER_URL": server.url,
        }
        return open_service(settings(config, **given | more))

    return start


def tell(service, payload, delivery=None):
    body, headers = signed("push", payload, delivery=delivery)
    answer = service.request("POST", "/github/webhooks", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["status"]


def push(service, remote, commits=1, **changes):
    before, after = remote.git("rev-parse", f"HEAD~{commits}"), remote.git("rev-parse", "HEAD")
    remote.push()
    return tell(service, push_payload(remote.name, before, after, commits) | changes)


def ended(service, count=1):
    """Wait until so many push jobs have ended; one of them."""

    def jobs():
        found = [job for job in service.queue.list() if job.kind == "push"]
        over = [job for job in found if job.state not in {"waiting", "running"}]
        return over if len(over) == count else None

    return eventually(jobs)[0]


def evidence(service, issued):
    with service.store.read() as connection:
        leak = leaks.for_key(connection, issued.key.id)
        return [kept.evidence for kept in evidence_of(connection, leak.id)] if leak else []


def test_pushed_key_is_dead_soon_and_its_place_is_known(hooked, remote, work, server):
    service = hooked()
    work(service.store)
    issued, other = service.issue(), service.issue()
    commit = remote.commit("a leak", b_txt=f"\nKEY={issued.token.reveal()}\n")
    begun = time.monotonic()
    assert push(service, remote) == "accepted"
    eventually(lambda: service.state(issued) == "revoked")
    print(f"webhook to dead key: {time.monotonic() - begun:.2f} s")
    (kept,) = evidence(service, issued)
    assert (kept.origin, kept.trust, kept.source) == ("scan", "scan", "file")
    assert kept.url == f"{server.url}/acme/app/blob/{commit}/b.txt#L2"
    assert (kept.commit, kept.path, kept.line) == (commit, "b.txt", 2)
    assert kept.claimed_us is not None
    assert service.state(other) == "active"
    assert ended(service).reason == "1 key of ours"
    assert "attacker" not in "".join(server.paths)


def test_clean_push_changes_nothing(hooked, remote, work):
    service = hooked()
    work(service.store)
    issued = service.issue()
    remote.commit("harmless", b_txt=issued.token.reveal()[:-1])
    push(service, remote)
    assert ended(service).reason == "no key of ours"
    assert service.state(issued) == "active"


def test_keys_from_before_keyfuse_are_found_by_their_pattern(hooked, remote, work):
    declared = "{pattern = 'ak_[0-9a-f]{40}', hash = 'sha256'}"
    service = hooked(f"[[key_types]]\nprefix = 'acme_live'\nlegacy = {declared}\n")
    work(service.store)
    old, stranger = (f"ak_{hashlib.sha1(text).hexdigest()}" for text in (b"old", b"stranger"))
    order = KeyOrder(prefix="acme_live", owner="owner@example.com")
    (key_id,) = service.store.import_keys(
        [OldKey(order, hashlib.sha256(old.encode()).hexdigest())]
    ).added
    remote.commit("a leak", b_txt=f"OLD={old}\nOTHER={stranger}\n")
    push(service, remote)
    assert ended(service).reason == "1 key of ours"
    assert service.store.get(key_id).state == "revoked"


def test_keys_in_messages_and_in_commits_taken_back_are_found(hooked, remote, work):
    service = hooked()
    work(service.store)
    said, removed = service.issue(), service.issue()
    remote.commit(f"oops {said.token.reveal()}", b_txt=removed.token.reveal())
    remote.commit("taken back", b_txt="clean")
    push(service, remote, 2)
    eventually(lambda: service.state(said) == service.state(removed) == "revoked")
    assert [kept.source for kept in evidence(service, said)] == ["commit-message"]


def test_policy_for_private_repositories_holds(hooked, remote, work):
    service = hooked('[[key_types]]\nprefix = "acme_live"\non_leak_private = "notify"\n')
    work(service.store)
    issued = service.issue()
    remote.commit("inside", b_txt=issued.token.reveal())
    payload = push_payload(
        remote.name, remote.git("rev-parse", "HEAD~"), remote.git("rev-parse", "HEAD")
    )
    payload["repository"]["private"] = True
    remote.push()
    tell(service, payload)
    assert ended(service).reason == "1 key of ours"
    assert service.state(issued) == "active"
    payload["repository"]["private"] = False
    tell(service, payload)
    eventually(lambda: service.state(issued) == "revoked")


def test_same_push_again_revokes_nothing_twice(hooked, remote, work):
    service = hooked()
    work(service.store)
    issued = service.issue()
    remote.commit("a leak", b_txt=issued.token.reveal())
    push(service, remote)
    ended(service)
    push(service, remote)
    ended(service, 2)
    with service.store.read() as connection:
        actions = [entry.action for entry in audit.entries(connection, subject=issued.key.id)]
    assert (actions.count("key.revoked"), actions.count("leak.recorded")) == (1, 1)
    assert [job.kind for job in service.queue.list()].count("notify") == 1


def test_repository_gone_is_said_once_and_a_redelivery_tries_again(hooked, remote, work, server):
    service = hooked()
    work(service.store)
    issued = service.issue()
    tip = remote.commit("a leak", b_txt=issued.token.reveal())
    remote.push()
    payload = push_payload(remote.name, remote.git("rev-parse", "HEAD~"), tip)
    server.status = 404
    tell(service, payload, delivery="d1")
    job = ended(service)
    assert job.state == "failed"
    assert "gone or cannot be read" in job.reason
    asked = len(server.paths)
    time.sleep(1.5)
    assert len(server.paths) == asked, "it is not retried for ever"
    server.status = None
    assert tell(service, payload, delivery="d1") == "accepted"
    eventually(lambda: service.state(issued) == "revoked")
    assert tell(service, payload, delivery="d1") == "known"


def test_server_that_is_down_is_tried_until_it_is_up(hooked, remote, work, server):
    service = hooked()
    work(service.store)
    issued = service.issue()
    remote.commit("a leak", b_txt=issued.token.reveal())
    server.status = 503
    push(service, remote)
    eventually(lambda: len(server.paths) > 2)
    assert service.state(issued) == "active"
    server.status = None
    eventually(lambda: service.state(issued) == "revoked")


def test_pushed_commits_that_are_gone_end_the_job(hooked, remote, work):
    service = hooked()
    work(service.store)
    tell(service, push_payload(remote.name, remote.git("rev-parse", "HEAD"), "c" * 40))
    job = ended(service)
    assert (job.state, job.reason) == ("done", "what was pushed is not there any more")


def test_a_mirror_left_damaged_is_made_anew(hooked, remote, work):
    service = hooked()
    work(service.store)
    issued = service.issue()
    tell(service, push_payload(remote.name, ZERO, remote.git("rev-parse", "HEAD")))
    ended(service)
    (mirror,) = (service.store.settings.home / "mirrors").glob("*.git")
    (mirror / "shallow.lock").touch()
    (mirror / "config").write_text("[core")
    remote.commit("a leak", b_txt=issued.token.reveal())
    push(service, remote)
    eventually(lambda: service.state(issued) == "revoked")


def test_job_that_broke_off_after_the_commit_is_done_again_without_effect(hooked, remote):
    """The attempt itself is repeatable: a worker may die anywhere in it."""
    service = hooked()
    issued = service.issue()
    remote.commit("a leak", b_txt=issued.token.reveal())
    push(service, remote)
    handler = github_handlers(service.store, service.queue.enqueue)["push"]
    job = _queued(service)
    outcomes = [asyncio.run(handler.attempt(job)) for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert len(evidence(service, issued)) == 1
    assert service.state(issued) == "revoked"


def test_private_repository_is_fetched_with_the_installations_token(hooked, remote, server):
    service = hooked()
    server.token = "ghs_" + "x" * 36
    issued = service.issue()
    remote.commit("a leak", b_txt=issued.token.reveal())
    push(service, remote, installation={"id": 77})
    asked = []

    def tokens(installation):
        asked.append(installation)
        return Secret(server.token)

    response = LeakResponse(service.store, service.queue.enqueue)
    mirrors = Mirrors(service.store.settings.home / "mirrors")
    scan = PushScan(service.store, mirrors, tokens)
    pushes = PushResponse(service.store, response, scan, None)
    first = _queued(service)
    assert pushes.respond(first).state == "done"
    assert set(asked) == {"77"}
    assert service.state(issued) == "revoked"
    server.status = 500
    remote.commit("more")
    push(service, remote, installation={"id": 77})
    with pytest.raises(TryAgain) as caught:
        pushes.respond(_queued(service, other_than=first))
    assert server.token not in str(caught.value)


def _queued(service, *, other_than=None):
    """A push job as its handler gets it."""
    (found,) = [
        workflow
        for workflow in service.queue._client.list_workflows(name="push")
        if other_than is None or workflow.workflow_id != other_than.id
    ]
    line, *arguments = found.input["args"]
    return Job(found.workflow_id, "push", tuple(arguments), line)


def test_no_word_in_the_repository_protects_a_key(hooked, remote, work):
    service = hooked()
    work(service.store)
    issued = service.issue()
    token = issued.token.reveal()
    policy = '[[ignore]]\npaths = ["**"]\n'
    remote.commit("x", example_py=f"# keyfuse:ignore example\nK='{token}' # keyfuse:ignore\n",
                  keyfuse_toml=policy)  # fmt: skip
    push(service, remote)
    eventually(lambda: service.state(issued) == "revoked")
