"""The owner's portal: own keys and no others, for half an hour, and a mail about what was done."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from keyfuse_store import Issued
from keyfuse_store.audit import entries
from keyfuse_webhook.console import portal_links
from keyfuse_webhook.console.desk import Desk
from keyfuse_webhook.console.portal_mail import ROTATED, letter, rotated_job
from keyfuse_webhook.jobs import JobWorker
from keyfuse_webhook.mail_sink import MailSink
from keyfuse_webhook.owner_mail import OwnerMail
from support.backends import on_both_databases
from support.browsing import ORIGIN, Browser, and_then
from support.entering import admin, link_of
from support.webhook import eventually

ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def mailing_site(database: Any, settings: Any, open_service: Any, sink: MailSink) -> Any:
    options = {"KEYFUSE_BASE_URL": ORIGIN, "KEYFUSE_SMTP_URL": sink.url}
    return open_service(settings(**options, **database))


@pytest.fixture
def host(site: Any) -> Issued:
    """What the application holds that has people."""
    return admin(site.store, "keyfuse:portal.write", name="portal of the app")


def ask(site: Any, token: str | None, body: object = None, **headers: str) -> Any:
    """Ask for a link as a host application does."""
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.request("POST", f"{ORIGIN}/v1/portal-sessions", content=content, headers=headers)


def enter(site: Any, host: Issued, owner: str) -> Browser:
    answer = ask(site, host.token.reveal(), {"owner": owner})
    assert answer.status_code == 201, answer.text
    path = answer.json()["link"].removeprefix(ORIGIN)
    browser = Browser(site)
    page = browser.get(path)
    assert "Your API keys" in page.text
    page = browser.follow(browser.post(path, page.form()))
    assert (page.status, page.path) == (200, "/portal")
    return browser


@on_both_databases
def test_an_owner_sees_their_own_keys(site: Any, host: Issued) -> None:
    mine = site.issue(owner=ADA, name="mine", scopes=["invoices:read"])
    theirs = site.issue(owner=BOB, name="theirs")
    browser = enter(site, host, ADA)
    page = browser.get("/portal")
    assert "mine" in page.text
    assert "theirs" not in page.text
    assert theirs.key.id not in page.html
    assert "invoices:read" in browser.get(f"/portal/keys/{mine.key.id}").text
    assert browser.cookies.keys() == {"__Host-keyfuse-portal"}


@on_both_databases
def test_a_key_of_somebody_else_is_as_one_that_is_not_there(site: Any, host: Issued) -> None:
    mine = site.issue(owner=ADA)
    theirs = site.issue(owner=BOB)
    browser = enter(site, host, ADA)
    form = browser.get(f"/portal/keys/{mine.key.id}/rotate").form(
        f"/portal/keys/{mine.key.id}/rotate"
    )
    answers = {
        (page.status, page.html)
        for key_id in (theirs.key.id, "0000000000", "odd", host.key.id)
        for page in (
            browser.get(f"/portal/keys/{key_id}"),
            browser.get(f"/portal/keys/{key_id}/rotate"),
            browser.post(f"/portal/keys/{key_id}/rotate", form),
            browser.get(f"/portal?after={key_id}"),
        )
    }
    assert [status for status, _ in answers] == [404]
    assert site.store.get(theirs.key.id).successor_id is None
    assert site.store.verify(theirs.token).ok


def test_management_keys_are_left_out_of_it(site: Any, host: Issued) -> None:
    """A link may come from an application that holds less than its people do."""
    root = admin(site.store, owner=ADA, name="root of ada")
    browser = enter(site, host, ADA)
    assert "root of ada" not in browser.get("/portal").text
    assert browser.get(f"/portal/keys/{root.key.id}").status == 404
    assert browser.get(f"/portal/keys/{root.key.id}/rotate").status == 404


@on_both_databases
@pytest.mark.shows_key
def test_rotating_is_shown_once_and_told_by_mail(
    mailing_site: Any, sink: MailSink, work: Callable[..., JobWorker]
) -> None:
    site = mailing_site
    host = admin(site.store, "keyfuse:portal.write")
    issued = site.issue(owner=ADA, name="ci")
    browser = enter(site, host, ADA)
    path = f"/portal/keys/{issued.key.id}/rotate"
    odd = browser.submit(browser.get(path), path, overlap="soon")
    assert odd.status == 400
    page = browser.submit(browser.get(path), path, overlap="1h")
    token = page.html.partition('id="key" readonly value="')[2].partition('"')[0]
    assert site.store.verify(token).ok
    assert site.store.verify(issued.token).ok
    successor = site.store.get(issued.key.id).successor_id
    with site.store.read() as connection:
        (entry,) = entries(connection, action="key.rotated")
    assert entry.actor == f"owner:{issued.key.owner_id}"
    assert browser.submit(browser.get(path), path).status == 409
    work(site.store)
    (mail,) = eventually(lambda: sink.mails)
    assert mail["To"] == ADA
    assert "was rotated" in mail["Subject"]
    body = mail.get_content()
    assert successor in body
    assert issued.key.id in body
    assert token not in body


def test_without_a_mail_server_the_job_is_a_dead_letter(
    site: Any, host: Issued, work: Callable[..., JobWorker]
) -> None:
    issued = site.issue(owner=ADA)
    rotated = site.store.rotate(issued.key.id)
    job = rotated_job(rotated.predecessor, rotated.key)
    assert OwnerMail(site.store, letter).tell(job).state == "undeliverable"
    assert job.kind == ROTATED


def test_a_portal_is_no_console_and_a_console_no_portal(site: Any, host: Issued) -> None:
    site.issue(owner=ADA)
    browser = enter(site, host, ADA)
    for name in ("keyfuse-console", "keyfuse-portal"):
        browser.cookies[f"__Host-{name}"] = next(iter(browser.cookies.values()))
    for path in ("", "/keys", "/keys/new", "/audit"):
        assert browser.get(f"/console{path}").headers["location"] == "/console/sign-in"
    operator = Browser(site)
    root = admin(site.store)
    operator.post(link_of(site.store, root.key.id), {})
    operator.cookies["__Host-keyfuse-portal"] = next(iter(operator.cookies.values()))
    assert operator.get("/portal").headers["location"] == "/portal/ended"
    assert "new link" in operator.get("/portal/ended").text


@on_both_databases
def test_links_to_the_portal_behave_like_those_to_the_console(
    site: Any, host: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = site.store.add_owner(ADA)
    path = link_of(site.store, host.key.id, owner.id)
    assert Browser(site).post(path, {}).status == 303
    assert Browser(site).post(path, {}).status == 410
    token = link_of(site.store, host.key.id).rpartition("/")[2]
    assert Browser(site).post(f"/portal/login/{token}", {}).status == 410
    late = link_of(site.store, host.key.id, owner.id)
    browser = enter(site, host, ADA)
    clock = site.store.clock
    monkeypatch.setattr(
        site.store, "clock", lambda: clock() + timedelta(minutes=30) // timedelta(microseconds=1)
    )
    assert Browser(site).post(late, {}).status == 410
    assert browser.get("/portal").headers["location"] == "/portal/ended"


def test_a_portal_session_dies_with_the_key_of_its_application(site: Any, host: Issued) -> None:
    site.issue(owner=ADA)
    browser = enter(site, host, ADA)
    site.store.revoke(host.key.id, reason="test")
    assert browser.get("/portal").headers["location"] == "/portal/ended"


def test_what_an_application_lost_a_moment_ago_is_lost_in_the_portal(
    site: Any, host: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = site.issue(owner=ADA)
    browser = enter(site, host, ADA)
    path = f"/portal/keys/{issued.key.id}/rotate"
    form = browser.get(path).form(path)
    monkeypatch.setattr(
        portal_links, "read_body", _async_then(portal_links.read_body, site, host.key.id)
    )
    answer = ask(site, host.token.reveal(), {"owner": ADA})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    revoke = partial(site.store.revoke, host.key.id, reason="test")
    monkeypatch.setattr(Desk, "visit", and_then(Desk.visit, revoke))
    assert browser.post(path, form).status == 403
    assert site.store.get(issued.key.id).successor_id is None


def _async_then(read: Callable[..., Any], site: Any, key_id: str) -> Callable[..., Any]:
    """Reading a body, after which a key holds less."""

    async def read_and_more(*arguments: Any) -> Any:
        found = await read(*arguments)
        site.store.set_scopes(key_id, ["keyfuse:keys.read"])
        return found

    return read_and_more


def test_signing_out(site: Any, host: Issued) -> None:
    site.issue(owner=ADA)
    browser = enter(site, host, ADA)
    stolen = dict(browser.cookies)
    assert browser.submit(browser.get("/portal"), "/portal/sign-out").path == "/portal/ended"
    browser.cookies = stolen
    assert browser.get("/portal").status == 303


def test_without_a_setting_links_lead_to_where_the_service_listens(
    settings: Any, open_service: Any
) -> None:
    site = open_service(settings())
    token = admin(site.store, "keyfuse:portal.write").token.reveal()
    site.issue(owner=ADA)
    answer = site.request(
        "POST",
        "http://127.0.0.1:9123/v1/portal-sessions",
        json={"owner": ADA},
        headers={"authorization": f"Bearer {token}", "host": "evil.example"},
    )
    assert answer.json()["link"].startswith("http://127.0.0.1:9123/portal/login/")


def test_who_may_make_links(site: Any, host: Issued) -> None:
    site.issue(owner=ADA)
    other = admin(site.store, "keyfuse:keys.write").token.reveal()
    assert ask(site, None, {"owner": ADA}).status_code == 401
    assert ask(site, other, {"owner": ADA}).status_code == 403
    token = host.token.reveal()
    assert ask(site, token, {"owner": "nobody@example.com"}).status_code == 404
    assert ask(site, token, {"owner": "own_0000000000000000"}).status_code == 404
    for body in ({}, {"owner": 1}, {"owner": "odd"}, {"owner": ADA, "x": 1}, [], b"{", b"\xff"):
        answer = ask(site, token, body)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"] == "application/problem+json"
    assert ask(site, token, b"x" * 5000).status_code == 413
    with site.store.read() as connection:
        assert entries(connection, action="portal.link_made") == []
    made = ask(site, token, {"owner": ADA}).json()
    assert made["link"].startswith(f"{ORIGIN}/portal/login/")
    assert made["owner_id"].startswith("own_")
    with site.store.read() as connection:
        (entry,) = entries(connection, action="portal.link_made")
    assert (entry.actor, entry.subject) == (f"key:{host.key.id}", made["owner_id"])
