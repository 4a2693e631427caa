"""Who gets in, by what, for how long, and what a session is worth to somebody else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from keyfuse_store import Issued
from keyfuse_store.audit import entries
from keyfuse_store.schema import console_links, console_sessions
from support.browsing import Browser
from support.entering import admin, link_of
from support.keys import break_checksum, make_key

SignIn = Callable[[Issued], Browser]
COOKIE = "__Host-keyfuse-console"


def test_a_key_signs_in(site: Any, root: Issued) -> None:
    browser = Browser(site)
    page = browser.follow(browser.get("/console"))
    assert page.path == "/console/sign-in"
    page = browser.submit(page, "/console/sign-in", key=root.token.reveal())
    assert (page.status, page.path) == (200, "/console")
    assert "Overview" in page.text
    assert "laptop" in page.text


def test_the_cookie_is_bound_to_the_host_and_hidden_from_scripts(site: Any, root: Issued) -> None:
    browser = Browser(site)
    browser.post(link_of(site.store, root.key.id), {})
    (cookie,) = browser.set_cookies
    name, _, rest = cookie.partition("=")
    value, *attributes = rest.split("; ")
    assert name == COOKIE
    assert len(value) == 43
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} == set(attributes)


def test_what_is_no_management_key_does_not(site: Any, root: Issued) -> None:
    text = root.token.reveal()
    browser = Browser(site)
    unknown = make_key("keyfuse_root").reveal()
    for key in (break_checksum(text), unknown, "", "nonsense", f"{text} {text}"):
        page = browser.post("/console/sign-in", {"key": key})
        assert page.status == 401
        assert "No management key in force" in page.text
        assert not browser.set_cookies


def test_a_key_of_the_api_does_not(site: Any) -> None:
    issued = site.issue()
    browser = Browser(site)
    assert browser.post("/console/sign-in", {"key": issued.token.reveal()}).status == 401


def test_guessing_is_slowed_down(site: Any) -> None:
    browser = Browser(site)
    answers = [browser.post("/console/sign-in", {"key": "guess"}).status for _ in range(65)]
    assert answers[:60] == [401] * 60
    assert answers[-1] == 429


def test_a_link_is_used_up_by_its_button_alone(site: Any, root: Issued) -> None:
    path = link_of(site.store, root.key.id)
    browser = Browser(site)
    for _ in range(3):
        page = browser.get(path)
        assert page.status == 200
        assert "Sign in with this link" in page.text
    assert browser.follow(browser.post(path, page.form())).path == "/console"


def test_a_link_works_once(site: Any, root: Issued) -> None:
    path = link_of(site.store, root.key.id)
    assert Browser(site).post(path, {}).status == 303
    thief = Browser(site)
    page = thief.post(path, {})
    assert page.status == 410
    assert not thief.set_cookies
    assert "used before" in page.text


def test_a_link_ends_after_five_minutes(
    site: Any, root: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = link_of(site.store, root.key.id)
    later(site, monkeypatch, timedelta(minutes=5))
    assert Browser(site).post(path, {}).status == 410


def test_a_link_for_an_owner_opens_no_console(site: Any, root: Issued) -> None:
    owner = site.store.add_owner("ada@example.com")
    token = link_of(site.store, root.key.id, owner.id).rpartition("/")[2]
    assert Browser(site).post(f"/console/login/{token}", {}).status == 410


def test_made_up_links_open_nothing(site: Any) -> None:
    for token in ("x", "x" * 5000, "..%2f..%2fetc%2fpasswd", "%00", "%ff"):
        assert Browser(site).post(f"/console/login/{token}", {}).status in {404, 410}


def test_only_hashes_are_kept(site: Any, root: Issued) -> None:
    path = link_of(site.store, root.key.id)
    other = link_of(site.store, root.key.id)
    browser = Browser(site)
    browser.post(path, {})
    with site.store.read() as connection:
        rows = [
            *connection.execute(console_links.select()),
            *connection.execute(console_sessions.select()),
        ]
    text = repr(rows)
    assert len(rows) == 2
    for token in (path, other, browser.cookies[COOKIE]):
        assert token.rpartition("/")[2] not in text


def test_a_session_dies_with_its_key(site: Any, root: Issued, sign_in: SignIn) -> None:
    temporary = admin(site.store, name="temporary")
    browser = sign_in(temporary)
    site.store.suspend(temporary.key.id, reason="test")
    assert browser.get("/console/keys").headers["location"] == "/console/sign-in"
    site.store.resume(temporary.key.id)
    assert browser.get("/console/keys").status == 200
    site.store.revoke(temporary.key.id, reason="test")
    assert browser.get("/console/keys").status == 303
    assert browser.post("/console/keys/new", {}).status == 303


def test_a_session_is_held_to_the_networks_of_its_key(site: Any, sign_in: SignIn) -> None:
    elsewhere = admin(site.store, addresses=["203.0.113.0/24"])
    browser = Browser(site)
    browser.post(link_of(site.store, elsewhere.key.id), {})
    assert browser.get("/console").status == 303


def test_a_session_ends_when_nobody_looks(
    site: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(site, monkeypatch, timedelta(minutes=50))
    assert browser.get("/console").status == 200
    later(site, monkeypatch, timedelta(minutes=50))
    # A page that updates itself is nobody who looks.
    assert browser.get("/console/overview/numbers", hx_request="true").status == 200
    later(site, monkeypatch, timedelta(minutes=20))
    page = browser.get("/console/overview/numbers", hx_request="true")
    assert page.headers["hx-redirect"] == "/console/sign-in"
    assert browser.get("/console").status == 303


def test_a_session_ends_after_half_a_day(
    site: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(24):
        later(site, monkeypatch, timedelta(minutes=30))
        last = browser.get("/console").status
    assert last == 303


def test_signing_out_ends_the_session_here_too(site: Any, browser: Browser) -> None:
    stolen = dict(browser.cookies)
    page = browser.submit(browser.get("/console"), "/console/sign-out")
    assert page.path == "/console/sign-in"
    assert browser.cookies == {}
    browser.cookies = stolen
    assert browser.get("/console").status == 303


def test_a_session_is_never_one_that_the_browser_brought(site: Any, root: Issued) -> None:
    """Session fixation: a cookie that an attacker planted is worth nothing after signing in."""
    planted = "A" * 43
    victim = Browser(site)
    victim.cookies = {COOKIE: planted}
    victim.post(link_of(site.store, root.key.id), {})
    assert victim.cookies[COOKIE] != planted
    attacker = Browser(site)
    attacker.cookies = {COOKIE: planted}
    assert attacker.get("/console").status == 303


def test_signing_in_again_ends_the_session_before(site: Any, root: Issued) -> None:
    browser = Browser(site)
    browser.post(link_of(site.store, root.key.id), {})
    first = dict(browser.cookies)
    browser.post(link_of(site.store, root.key.id), {})
    assert browser.get("/console").status == 200
    browser.cookies = first
    assert browser.get("/console").status == 303


def test_the_record_says_who_came_in(site: Any, browser: Browser, root: Issued) -> None:
    with site.store.read() as connection:
        found = entries(connection, action="console.signed_in")
    assert [(one.actor, one.subject, one.detail) for one in found] == [
        (f"key:{root.key.id}", root.key.id, {"by": "link"})
    ]


def test_without_a_safe_address_the_console_is_closed(settings: Any, open_service: Any) -> None:
    for base_url in (None, "http://keys.example.com"):
        environ = {} if base_url is None else {"KEYFUSE_BASE_URL": base_url}
        site = open_service(settings(**environ), host="0.0.0.0")
        page = Browser(site, "http://keys.example.com").get("/console")
        assert page.status == 503
        assert "KEYFUSE_BASE_URL" in page.text


def test_a_slash_too_many_leads_to_the_console(site: Any, root: Issued) -> None:
    assert Browser(site).get("/console/").headers["location"] == "/console"


def test_on_this_machine_alone_it_is_open_without_tls(settings: Any, open_service: Any) -> None:
    site = open_service(settings())
    root = admin(site.store)
    browser = Browser(site, "http://127.0.0.1:8787")
    browser.post(link_of(site.store, root.key.id), {})
    assert list(browser.cookies) == ["keyfuse-console"]
    assert browser.get("/console").status == 200


def later(site: Any, monkeypatch: pytest.MonkeyPatch, duration: timedelta) -> None:
    """Move the clock of a service on."""
    clock = site.store.clock
    monkeypatch.setattr(
        site.store, "clock", lambda: clock() + duration // timedelta(microseconds=1)
    )
