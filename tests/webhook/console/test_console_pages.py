"""What the pages show and do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from keyfuse_store import Issued, leaks
from keyfuse_store.audit import entries
from keyfuse_store.evidence import Evidence
from keyfuse_webhook.console.audit_pages import CHECK, check_handler
from keyfuse_webhook.jobs import JobWorker
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, nothing_to_conclude
from keyfuse_webhook.revocation import LeakResponse, Sighting
from keyfuse_webhook.working import job_database
from support.backends import on_both_databases
from support.browsing import Browser, Page
from support.webhook import eventually, record

KEY_FIELDS = {
    "prefix": "acme_live",
    "owner": "ada@example.com",
    "name": "billing",
    "scopes": "invoices:read\ninvoices:write",
    "expires": "30d",
    "rate_limit": "100/minute",
    "quota": "1000/month",
}


@pytest.fixture
def issued(site: Any) -> Issued:
    return site.issue(name="payments", scopes=["invoices:read"], quota="1000/month")


def issue(browser: Browser, **fields: str) -> Page:
    page = browser.get("/console/keys/new")
    return browser.submit(page, "/console/keys/new", **KEY_FIELDS | fields)


def shown_key(page: Page) -> str:
    """The plaintext on the one page that shows it."""
    return page.html.partition('id="key" readonly value="')[2].partition('"')[0]


@pytest.mark.shows_key
def test_issue_shows_the_key_once(site: Any, browser: Browser) -> None:
    page = issue(browser)
    key = shown_key(page)
    verdict = site.store.verify(key, scopes=["invoices:write"])
    assert verdict.ok
    assert "I have stored it" in page.text
    found = verdict.key
    assert (found.owner, found.name, found.rate_limit) == (
        "ada@example.com",
        "billing",
        "100/minute",
    )
    assert found.expires - found.created == timedelta(days=30)
    assert key not in browser.get(f"/console/keys/{found.id}").html
    with site.store.read() as connection:
        (entry,) = entries(connection, action="key.issued", subject=found.id)
    assert entry.actor.startswith("key:")
    assert entry.origin == "127.0.0.1"


@on_both_databases
@pytest.mark.shows_key
def test_the_same_form_again_makes_no_second_key(site: Any, browser: Browser) -> None:
    """Somebody reloads the page that shows the key."""
    form = browser.get("/console/keys/new").form("/console/keys/new") | KEY_FIELDS
    key = shown_key(browser.post("/console/keys/new", form))
    again = browser.post("/console/keys/new", form)
    assert again.status == 409
    assert "shown only then" in again.text
    assert key not in again.html
    assert len(site.store.list(search="billing")) == 1
    del form["once"]
    assert browser.post("/console/keys/new", form).status == 400


def test_a_wrong_field_is_named_and_the_rest_stays(browser: Browser, site: Any) -> None:
    for field, value in (
        ("prefix", "ghp"),
        ("owner", "nobody"),
        ("expires", "soon"),
        ("quota", "9"),
    ):
        page = issue(browser, **{field: value})
        assert page.status == 400
        assert f"Not issued: {field}" in page.text
        form = page.form("/console/keys/new")
        assert form[field] == value
        assert form["name"] == "billing"
    assert len(site.store.list()) == 1


@on_both_databases
@pytest.mark.shows_key
def test_rotate_with_overlap(site: Any, browser: Browser, issued: Issued) -> None:
    path = f"/console/keys/{issued.key.id}"
    form_page = browser.get(f"{path}/rotate")
    assert form_page.form(f"{path}/rotate")["overlap"] == "24h"
    page = browser.submit(form_page, f"{path}/rotate", overlap="2h")
    assert site.store.verify(shown_key(page)).ok
    assert site.store.verify(issued.token).ok
    old = site.store.get(issued.key.id)
    assert old.successor_id in browser.get(path).html
    again = browser.submit(form_page, f"{path}/rotate")
    assert again.status == 409
    assert "rotated before" in again.text


@on_both_databases
def test_suspend_resume_revoke(site: Any, browser: Browser, issued: Issued) -> None:
    path = f"/console/keys/{issued.key.id}"
    for action, code in (("suspend", "suspended"), ("resume", "valid"), ("revoke", "revoked")):
        page = browser.get(f"{path}/{action}")
        fields = {"reason": "a good reason"} if action != "resume" else {}
        page = browser.submit(page, f"{path}/{action}", **fields)
        assert (page.status, page.path) == (200, path)
        assert site.store.verify(issued.token).code == code
    assert "a good reason" in page.text
    assert "Revoke" not in page.text.replace("Revoked", "")
    resumed = browser.post(f"{path}/resume", {"form": page.form("/console/sign-out")["form"]})
    assert resumed.status == 409
    assert "final" in resumed.text


@on_both_databases
def test_one_key_says_all_that_is_known(site: Any, browser: Browser, issued: Issued) -> None:
    for _ in range(3):
        site.store.verify(issued.token)
    site.store.verify(issued.token, scopes=["other:read"])
    site.store.flush()
    text = browser.get(f"/console/keys/{issued.key.id}").text
    for fact in ("payments", "acme_live", "invoices:read", "1,000 this month", "key issued"):
        assert fact in text
    assert "Verifications per hour" in text
    assert browser.get("/console/keys/0000000000").status == 404


@on_both_databases
def test_keys_are_searched_filtered_sorted_and_paged(site: Any, browser: Browser) -> None:
    for number in range(60):
        site.issue(name=f"worker {number:02}", owner=f"team{number % 2}@example.com")
    site.store.revoke(site.issue(name="dead one").key.id, reason="test")
    first = browser.get("/console/keys?q=worker&sort=name")
    assert "worker 00" in first.text
    assert "worker 50" not in first.text
    following = first.html.partition('href="/console/keys?q=worker')[2].partition('"')[0]
    second = browser.get("/console/keys?q=worker" + following.replace("&amp;", "&"))
    assert "worker 50" in second.text
    assert "worker 00" not in second.text
    assert "Next page" not in second.text
    assert "dead one" in browser.get("/console/keys?state=revoked").text
    assert "worker" not in browser.get("/console/keys?state=revoked").text
    owner = site.store.list(search="team1@", limit=1)[0].owner_id
    assert "worker 00" not in browser.get(f"/console/keys?owner={owner}&sort=name").text
    assert "no such owner" in browser.get("/console/keys?owner=own_0000000000000000").text
    part = browser.get("/console/keys?part=rows&q=dead", hx_request="true")
    assert "dead one" in part.text
    assert "<html" not in part.html


@on_both_databases
def test_overview_counts(site: Any, browser: Browser, issued: Issued) -> None:
    site.store.verify(issued.token)
    site.store.verify("nonsense")
    site.store.flush()
    assert site.labels(record(issued.token.reveal())) == ["true_positive"]
    page = browser.get("/console")
    assert "1 active" in page.text
    assert "1 revoked" in page.text
    assert "malformed" in page.text
    assert "payments" in page.text
    part = browser.get("/console/overview/numbers", hx_request="true")
    assert "1 revoked" in part.text
    assert "<html" not in part.html
    assert "data-chart" in browser.get("/console/overview/charts", hx_request="true").html


@on_both_databases
def test_an_incident_from_commit_to_mail(
    site: Any, browser: Browser, issued: Issued, work: Callable[..., JobWorker]
) -> None:
    now = site.store.clock()
    evidence = Evidence(
        "github",
        "signed",
        "commit",
        "https://github.com/acme/app/blob/main/config.py",
        claimed_us=now - 60_000_000,
        commit="c0ffee",
        path="config.py",
        line=7,
    )
    site.store.verify(issued.token)
    site.store.flush()
    response = LeakResponse(site.store, site.queue.enqueue)
    response.respond([Sighting(issued.key, evidence)], actor="github")
    page = browser.follow(browser.get("/console/leaks"))
    leak_path = page.html.partition('href="/console/leaks/leak_')[2].partition('"')[0]
    path = f"/console/leaks/leak_{leak_path}"
    text = browser.get(path).text
    assert "Telling the owner is on its way" in text
    work(site.store)

    def told() -> Page | None:
        part = browser.get(f"{path}/timeline", hx_request="true")
        return part if "could be told" in part.text else None

    page = eventually(told)
    for fact in ("Committed", "claimed", "Reported by github", "config.py, line 7", "Revoked"):
        assert fact in page.text, fact
    assert "1 calls let through" in page.text
    assert 'href="https://github.com/acme/app/blob/main/config.py"' in page.html
    assert "on its way" not in page.text
    assert browser.get("/console/leaks/leak_0000000000000000").status == 404


def test_what_a_stranger_says_is_marked_and_no_link(
    site: Any, browser: Browser, issued: Issued
) -> None:
    evidence = Evidence("report", "possession", "paste", "https://evil.example/x")
    response = LeakResponse(site.store, site.queue.enqueue)
    response.respond([Sighting(issued.key, evidence)], actor="anonymous")
    with site.store.read() as connection:
        leak = leaks.for_key(connection, issued.key.id)
    page = browser.get(f"/console/leaks/{leak.id}")  # type: ignore[union-attr]
    assert "unverified: paste · https://evil.example/x" in page.text
    assert 'href="https://evil' not in page.html


@on_both_databases
def test_owners_are_listed_and_added(site: Any, browser: Browser, issued: Issued) -> None:
    page = browser.get("/console/owners")
    page = browser.submit(page, "/console/owners", email="new@example.com", name="New team")
    assert "New team" in page.text
    assert "owner@example.com" in page.text
    twice = browser.submit(page, "/console/owners", email="New@example.com")
    assert twice.status == 400
    assert "exists already" in twice.text
    assert "owner@example.com" not in browser.get("/console/owners?q=new%20t").text


@on_both_databases
def test_the_record_is_filtered_and_paged(site: Any, browser: Browser) -> None:
    for number in range(120):
        site.issue(name=f"key {number}", owner=f"o{number}@example.com")
    page = browser.get("/console/audit?action=key.issued")
    assert page.html.count("key issued") == 100
    older = page.html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert browser.get(older).html.count("key issued") == 21


@on_both_databases
def test_the_chain_is_checked_by_a_job(
    site: Any, browser: Browser, work: Callable[..., JobWorker]
) -> None:
    page = browser.get("/console/audit")
    assert "has not been checked" in page.text
    page = browser.submit(page, "/console/audit/check")
    assert "being checked" in page.text
    browser.post("/console/audit/check", page.form("/console/audit/check"))
    assert len(site.queue.list(kind=CHECK)) == 1
    work(site.store)
    eventually(lambda: "every one intact" in browser.get("/console/audit/check").text)


def test_a_broken_chain_is_said(site: Any, root: Issued) -> None:
    import asyncio

    from support.backends import execute

    execute(site.store, "UPDATE kf_audit SET actor = 'nobody' WHERE seq = 1")
    outcome = asyncio.run(check_handler(site.store).attempt(Job("x", CHECK, (), "x")))
    assert outcome.state == "failed"


@on_both_databases
def test_dead_letters_are_run_again(site: Any, browser: Browser, issued: Issued) -> None:
    async def fail(_job: Job) -> Outcome:
        return Outcome("failed", "it broke")

    with site.store.begin() as connection:
        site.queue.enqueue(connection, Job("job-1", "break", (), line="x"))
    worker = JobWorker(job_database(site.store), {"break": Handler(fail, nothing_to_conclude)})
    worker.start()
    eventually(lambda: "it broke" in browser.get("/console/jobs?view=dead").text)
    worker.stop()
    page = browser.get("/console/jobs?view=dead")
    page = browser.submit(page, "/console/jobs/retry")
    assert (page.status, page.path) == (200, "/console/jobs?view=open")
    assert "waiting" in page.text
    assert browser.get("/console/jobs?view=dead").text.count("it broke") == 0
    form = {"form": page.form("/console/sign-out")["form"]}
    assert browser.post("/console/jobs/retry", form | {"job": "job-1"}).status == 409
    assert browser.post("/console/jobs/retry", form | {"job": "job-9"}).status == 404


def test_without_a_database_a_page_says_so(site: Any, browser: Browser) -> None:
    path = site.store.database.path
    path.rename(path.with_suffix(".away"))
    try:
        page = browser.get("/console")
    finally:
        path.with_suffix(".away").rename(path)
    assert page.status == 503
    assert "does not answer" in page.text
    assert page.headers["retry-after"] == "5"
