"""The console in a real browser, on the real service: the whole walk, live, readable for everyone.

`SCREENSHOTS=DIR make test-live TESTS=tests/live/test_console.py` leaves a picture of every page in
DIR; those of docs/ are made by it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from support.walking import Site, chromium, issue, running_site, stored, visiting

pytestmark = pytest.mark.shows_key


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("console")) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def test_the_whole_walk(browser: Any, site: Site) -> None:
    """Sign in, issue, verify, rotate, alert, watch the incident live, revoke, sign out."""
    with visiting(browser, site) as page:
        first = issue(page, site, "payments")
        assert site.verify(first) == "valid"

        page.get_by_role("link", name="Rotate").click()
        page.get_by_label("Overlap").fill("1h")
        page.get_by_role("button", name="Rotate").click()
        assert page.get_by_role("button", name="Copy").is_visible()
        second = stored(page)
        assert (site.verify(first), site.verify(second)) == ("valid", "valid")

        page.get_by_role("link", name="Overview").click()
        page.get_by_text("No key has leaked").wait_for()
        site.sink.answer = lambda _: "451 come back later"
        site.alert(first)
        incident = page.locator("tr", has_text="payments").get_by_role("link")
        incident.wait_for(timeout=15_000)
        assert site.verify(first) == "revoked"
        incident.click()
        page.get_by_text("Revoked: refused from here on").wait_for()
        page.get_by_text("The mail to the owner is on its way").wait_for()
        site.sink.answer = lambda _: "250 kept"
        page.get_by_text("The owner was told by mail").wait_for(timeout=60_000)
        page.get_by_text("on its way").wait_for(state="detached")

        page.goto(f"{site.url}/console/keys?q=payments&state=active")
        page.get_by_role("link", name="payments").click()
        page.get_by_role("link", name="Revoke").click()
        page.get_by_label("Reason").fill("end of the walk")
        page.get_by_role("button", name="Revoke").click()
        page.get_by_text("end of the walk").first.wait_for()
        assert site.verify(second) == "revoked"

        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Management key").wait_for()
        page.goto(f"{site.url}/console/keys")
        page.get_by_label("Management key").wait_for()


def test_searching_follows_what_is_typed(browser: Any, site: Site) -> None:
    with visiting(browser, site) as page:
        issue(page, site, "needle")
        page.goto(f"{site.url}/console/keys")
        page.get_by_label("Search").fill("needl")
        page.get_by_role("link", name="laptop of ops").wait_for(state="detached")
        assert page.get_by_role("link", name="needle").is_visible()


def test_without_scripts_everything_is_done_all_the_same(browser: Any, site: Site) -> None:
    with visiting(browser, site, java_script_enabled=False) as page:
        key = issue(page, site, "plain")
        for action, code in (("Suspend", "suspended"), ("Resume", "valid"), ("Revoke", "revoked")):
            page.get_by_role("link", name=action).click()
            page.get_by_role("button", name=action).click()
            assert site.verify(key) == code
        page.goto(f"{site.url}/console/audit")
        page.get_by_role("button", name="Check the chain").click()
        assert "being checked" in page.inner_text("main")
        assert not page.get_by_role("button", name="Copy").count()


def test_the_keyboard_is_enough(browser: Any, site: Site) -> None:
    with visiting(browser, site) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.url}/console/keys")


def test_no_page_is_hard_to_read_or_too_wide(browser: Any, site: Site, looks: Any) -> None:
    with visiting(browser, site) as page:
        key = issue(page, site, "billing")
        assert {site.verify(key) for _ in range(9)} == {"valid"}
        for name, path in _pages(page, site).items():
            looks(page, name, site.url + path)


def _pages(page: Any, site: Site) -> dict[str, str]:
    """Every page that shows no key, the ones of a key and of an incident included."""
    found = {
        "overview": "/console",
        "keys": "/console/keys",
        "issue": "/console/keys/new",
        "leaks": "/console/leaks",
        "owners": "/console/owners",
        "audit": "/console/audit",
        "jobs": "/console/jobs",
        "sign-in": "/console/sign-in",
    }
    page.goto(f"{site.url}/console/keys?q=billing")
    found["key"] = page.get_by_role("link", name="billing").get_attribute("href")
    found["revoke"] = f"{found['key']}/revoke"
    found["rotate"] = f"{found['key']}/rotate"
    page.goto(f"{site.url}/console/leaks")
    found["incident"] = page.locator("tbody a").first.get_attribute("href")
    return found
