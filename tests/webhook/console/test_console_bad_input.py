"""What hostile pages, people and owners try: other sites, other hosts, markup, odd paths, size."""

from collections.abc import Callable
from typing import Any

import pytest

from keyfuse_store import Issued
from keyfuse_store.evidence import Evidence
from keyfuse_webhook.console.desk import Desk
from keyfuse_webhook.jobs_model import Job
from keyfuse_webhook.revocation import LeakResponse, Sighting
from support.backends import execute, on_both_databases
from support.browsing import Browser, and_then
from support.entering import admin
from support.keys import make_key

SignIn = Callable[[Issued], Browser]
MARKUP = "\"><img src=x onerror=alert(1)>'{{7*7}}</textarea><b>"
OPEN_PAGES = ("/console/sign-in", "/console/nothing", "/console/static/console.css")
PAGES = ("", "/keys", "/keys/new", "/leaks", "/owners", "/audit", "/jobs", "/overview/charts")


@pytest.fixture
def issued(site: Any) -> Issued:
    return site.issue()


def test_every_answer_tells_browsers_to_keep_to_themselves(browser: Browser) -> None:
    for path in (*OPEN_PAGES, *(f"/console{page}" for page in PAGES)):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert "static" in path or headers["cache-control"] == "no-store"


def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(browser: Browser) -> None:
    for page in PAGES:
        html = browser.get(f"/console{page}").html
        for inline in (" style=", "<style", " onclick", "<script>"):
            assert inline not in html, page
        assert "://" not in html, page


def test_other_sites_cannot_send_our_forms(browser: Browser, issued: Issued, site: Any) -> None:
    path = f"/console/keys/{issued.key.id}/revoke"
    form = browser.get(path).form(path)
    for fetch_site in ("cross-site", "same-site", "none", "", "Same-Origin"):
        for more in ({}, {"origin": browser.origin}):
            assert browser.post(path, form, sec_fetch_site=fetch_site, **more).status == 403
    assert site.state(issued) == "active"


def test_older_browsers_say_so_in_origin(browser: Browser, issued: Issued, site: Any) -> None:
    path = f"/console/keys/{issued.key.id}/revoke"
    form, url = browser.get(path).form(path), browser.origin + path
    cookies = {"cookie": _cookies(browser)}
    for origin in ("https://evil.example", "null", "http://keys.example.com", ""):
        answer = site.request("POST", url, data=form, headers=cookies | {"origin": origin})
        assert answer.status_code == 403
    assert site.state(issued) == "active"
    ours = cookies | {"origin": browser.origin}
    assert site.request("POST", url, data=form, headers=ours).status_code == 303


def test_a_form_without_its_token_does_nothing(browser: Browser, issued: Issued, site: Any) -> None:
    for fields in ({}, {"form": ""}, {"form": "0" * 64}, {"form": "é"}):
        page = browser.post(f"/console/keys/{issued.key.id}/revoke", fields)
        assert page.status == 403
    assert site.state(issued) == "active"


def test_the_token_of_one_session_is_worth_nothing_in_another(
    browser: Browser, issued: Issued, sign_in: SignIn, site: Any
) -> None:
    path = f"/console/keys/{issued.key.id}/revoke"
    other = sign_in(admin(site.store, name="other"))
    assert other.post(path, browser.get(path).form(path)).status == 403


def test_other_sites_may_link_to_pages_and_no_more(browser: Browser) -> None:
    for site, mode, destination, status in (
        ("cross-site", "no-cors", "image", 403),
        ("cross-site", "navigate", "iframe", 403),
        ("same-site", "cors", "empty", 403),
        ("cross-site", "navigate", "document", 200),
    ):
        fetch = {"sec_fetch_mode": mode, "sec_fetch_dest": destination}
        assert browser.get("/console/keys", sec_fetch_site=site, **fetch).status == status


def test_other_hosts_are_not_ours(browser: Browser) -> None:
    for host in ("evil.example", "keys.example.com.evil.example", "keys.example.com:444", "[", ""):
        page = browser.get("/console", host=host)
        assert page.status == 421
        assert "evil" not in page.html


def test_no_link_is_made_of_a_host(browser: Browser, issued: Issued) -> None:
    forged = {"x_forwarded_host": "evil.example", "forwarded": "host=evil.example"}
    for page in ("", "/keys", "/audit"):
        assert "evil.example" not in browser.get(f"/console{page}", **forged).html
    answer = Browser(browser.service).get("/console", **forged)
    assert answer.headers["location"] == "/console/sign-in"


@on_both_databases
def test_markup_that_is_stored_is_shown_as_text(site: Any, browser: Browser) -> None:
    issued = site.issue(name=MARKUP, meta={MARKUP: MARKUP})
    site.store.suspend(issued.key.id, reason=MARKUP)
    site.store.add_owner("ada@example.com", name=MARKUP)
    evidence = Evidence("github", "signed", MARKUP, f"javascript:{MARKUP}", path=MARKUP, line=1)
    anonymous = Evidence("report", "possession", MARKUP, f"https://{MARKUP}")
    LeakResponse(site.store, site.queue.enqueue).respond(
        [Sighting(issued.key, evidence), Sighting(issued.key, anonymous)], actor=MARKUP[:40]
    )
    with site.store.read() as connection:
        from keyfuse_store import leaks

        leak = leaks.for_key(connection, issued.key.id)
    assert leak is not None
    paths = ["", "/keys", f"/keys/{issued.key.id}", f"/keys/{issued.key.id}/rotate", "/leaks"]
    paths += [f"/leaks/{leak.id}", f"/leaks/{leak.id}/timeline", "/owners", "/audit", "/jobs"]
    seen = 0
    for path in paths:
        html = browser.get(f"/console{path}").html
        assert "<img src=x" not in html, path
        assert "<b>" not in html, path
        assert "</textarea>" not in html, path
        assert 'href="javascript' not in html, path
        assert 'href="https://&#34;' not in html, path
        seen += "&lt;img src=x onerror" in html
    assert seen >= 8


@on_both_databases
def test_markup_in_a_request_is_shown_as_text(browser: Browser) -> None:
    for path in (
        f"/console/keys?q={MARKUP}",
        f"/console/keys?state={MARKUP}&sort={MARKUP}",
        f"/console/audit?subject={MARKUP}&action={MARKUP}&actor={MARKUP}&before={MARKUP}",
        f"/console/leaks?state={MARKUP}",
        f"/console/owners?q={MARKUP}",
        f"/console/jobs?view={MARKUP}&after={MARKUP}",
        f"/console/keys/new?prefix={MARKUP}&name={MARKUP}&scopes={MARKUP}",
        f"/console/{MARKUP}",
        f"/console/keys/{MARKUP}",
    ):
        page = browser.get(path)
        assert page.status in {200, 400, 404}, path
        assert "<img src=x" not in page.html, path
    form = browser.get("/console/keys/new").form("/console/keys/new")
    page = browser.post("/console/keys/new", form | {"prefix": MARKUP, "scopes": MARKUP})
    assert page.status == 400
    assert "<img src=x" not in page.html


def test_a_pasted_key_is_never_shown_again(browser: Browser) -> None:
    """The hunt fails this test if any answer holds it."""
    key = make_key("acme_live").reveal()
    form = browser.get("/console/keys/new").form("/console/keys/new")
    for field in ("prefix", "owner", "name", "scopes", "expires", "quota", "addresses"):
        page = browser.post("/console/keys/new", form | {"prefix": "acme_live", field: key})
        assert page.status == 400
    for path in (f"/console/keys?q={key}", f"/console/audit?subject={key}", f"/console/keys/{key}"):
        assert browser.get(path).status in {200, 400, 404}
    assert browser.get(f"/console/owners?q={key}").status == 200


@on_both_databases
def test_odd_paths_lead_nowhere(browser: Browser) -> None:
    for path in (
        "static/../console.js",
        "static/%2e%2e%2fdesk.py",
        "static/..%5c..%5cdesk.py",
        "static/README.md",
        "static/",
        "/keys",
        "keys/..%2f..%2fowners",
        "keys/%00",
        "leaks/%00",
        "%ff%fe",
        "keys/0000000000/delete",
        "keys?after=%00",
        "owners?after=%00&q=%00",
    ):
        page = browser.get(f"/console/{path}")
        assert page.status in {200, 303, 400, 404}, path
        assert "import" not in page.html
        assert page.status != 200 or "No " in page.text, path


ODD_FORMS: tuple[tuple[dict[str, str], bytes, int], ...] = (
    ({}, b"a=" + b"x" * 70_000, 413),
    ({}, b"&".join(b"f%d=x" % number for number in range(100)), 400),
    ({}, b"form=1&form=2", 400),
    ({}, b"form=%ff%fe", 400),
    ({}, "form=é".encode(), 400),
    ({}, b"form", 400),
    ({"content-type": "application/json"}, b"{}", 400),
    ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", 400),
    ({"content-encoding": "gzip"}, b"form=1", 415),
)


@on_both_databases
def test_odd_forms_are_refused(site: Any, browser: Browser) -> None:
    sent = {
        "content-type": "application/x-www-form-urlencoded",
        "cookie": _cookies(browser),
        "sec-fetch-site": "same-origin",
    }
    for path in ("/console/owners", "/console/sign-in"):
        for headers, body, status in ODD_FORMS:
            url = browser.origin + path
            answer = site.request("POST", url, content=body, headers=sent | headers)
            assert answer.status_code == status


def test_scopes_are_asked_for_everywhere(site: Any, sign_in: SignIn, issued: Issued) -> None:
    reader = sign_in(admin(site.store, "keyfuse:keys.read", name="reader"))
    page = reader.get("/console/keys")
    assert page.status == 200
    assert "Issue a key" not in page.text
    assert reader.get("/console").status == 200
    token = page.form("/console/sign-out")["form"]
    for path in ("/leaks", "/owners", "/audit", "/jobs", "/keys/new"):
        assert reader.get(f"/console{path}").status == 403, path
    for path in ("/keys/new", "/owners", "/audit/check", "/jobs/retry"):
        assert reader.post(f"/console{path}", {"form": token}).status == 403, path
    for action in ("revoke", "rotate", "suspend", "resume"):
        path = f"/console/keys/{issued.key.id}/{action}"
        assert reader.post(path, {"form": token}).status == 403
    assert site.state(issued) == "active"
    assert "History" not in reader.get(f"/console/keys/{issued.key.id}").text


def test_nobody_gives_away_what_he_does_not_hold(site: Any, sign_in: SignIn, root: Issued) -> None:
    writer = sign_in(admin(site.store, "keyfuse:keys.write", "keyfuse:keys.read", name="writer"))
    form = writer.get("/console/keys/new").form("/console/keys/new")
    wanted = {"prefix": "keyfuse_root", "owner": "eve@example.com", "scopes": "keyfuse:admin"}
    assert writer.post("/console/keys/new", form | wanted).status == 403
    for action in ("rotate", "revoke", "suspend"):
        path = f"/console/keys/{root.key.id}/{action}"
        assert writer.get(path).status == 403
        assert writer.post(path, {"form": form["form"]}).status == 403
    assert site.state(root) == "active"


@pytest.mark.parametrize("when", ["before the form is sent", "while it is under way"])
def test_a_right_that_was_withdrawn_a_moment_ago_changes_nothing(
    site: Any, sign_in: SignIn, issued: Issued, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    scopes = ("keyfuse:keys.read", "keyfuse:keys.write", "keyfuse:owners.write")
    one = admin(site.store, *scopes, "keyfuse:jobs.write", name="ops")
    ops, key = sign_in(one), f"/console/keys/{issued.key.id}"
    with site.store.begin() as connection:
        site.queue.enqueue(connection, Job("job-1", "mend", (), line="x"))
    execute(site.store, "UPDATE workflow_status SET status = 'ERROR'")
    pages = [(f"{key}/{action}", f"{key}/{action}") for action in ("suspend", "rotate", "revoke")]
    pages += [("/console/keys/new", "/console/keys/new")]
    forms = [(path, ops.get(page).form(path)) for page, path in pages]
    form = {"form": forms[0][1]["form"]}
    forms[-1][1].update(prefix="acme_live", owner="new@example.com")
    forms += [("/console/owners", form | {"email": "new@example.com"})]
    forms += [("/console/jobs/retry", form | {"job": "job-1"})]

    def withdraw() -> None:
        site.store.set_scopes(one.key.id, ["keyfuse:keys.read"])

    if when == "before the form is sent":
        withdraw()
    for path, fields in forms:
        with monkeypatch.context() as patch:
            if when == "while it is under way":
                site.store.set_scopes(one.key.id, [*scopes, "keyfuse:jobs.write"])
                patch.setattr(Desk, "visit", and_then(Desk.visit, withdraw))
            assert ops.post(path, fields).status == 403, path
    assert site.state(issued) == "active"
    assert {key.id for key in site.store.list()} == {one.key.id, issued.key.id}
    assert len(site.store.owners(search="new@")) == 0
    assert [job.state for job in site.queue.list()] == ["failed"]


def _cookies(browser: Browser) -> str:
    return "; ".join(f"{name}={text}" for name, text in browser.cookies.items())
