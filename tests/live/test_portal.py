"""The owner's portal in a real browser: from the application's request to the mail that arrives."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.walking import Site, chromium, running_site, stored, watching
from support.webhook import eventually

pytestmark = pytest.mark.shows_key
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("portal")) as started:
        yield started


@pytest.fixture(scope="module")
def application(site: Site) -> str:
    """What the application holds that its people are signed in to."""
    wanted = ("--owner", "app@example.com", "--scope", "keyfuse:portal.write")
    return str(site.keyfuse("keys", "issue", "--admin", *wanted)["key"])


def key_of(site: Site, owner: str, name: str) -> dict[str, Any]:
    wanted = ("--prefix", "acme_live", "--owner", owner, "--name", name, "--scope", "invoices:read")
    return dict(site.keyfuse("keys", "issue", *wanted))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_owner_rotates_a_key_and_is_mailed(
    browser: Any, site: Site, application: str, *, scripts: bool
) -> None:
    mine, theirs = key_of(site, ADA, "payments"), key_of(site, BOB, "of bob")
    link = site.portal_link(application, ADA)
    with watching(browser, site, java_script_enabled=scripts) as page:
        for _ in range(2):
            page.goto(link)
            assert page.get_by_role("button", name="Show my keys").is_visible()
        page.get_by_role("button", name="Show my keys").click()
        page.wait_for_url(f"{site.url}/portal")
        assert "of bob" not in page.content()
        page.goto(f"{site.url}/portal/keys/{mine['id']}")
        page.get_by_role("link", name="Rotate").click()
        page.get_by_label("Overlap").fill("1h")
        page.get_by_role("button", name="Rotate").click()
        successor = stored(page)
        assert (site.verify(mine["key"]), site.verify(successor)) == ("valid", "valid")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{site.url}/portal/ended")
    (mail,) = eventually(lambda: [one for one in site.sink.mails if mine["id"] in one["Subject"]])
    assert mail["To"] == ADA
    assert successor not in mail.as_string()
    assert site.verify(theirs["key"]) == "valid"


def test_a_link_that_was_used_opens_nothing(browser: Any, site: Site, application: str) -> None:
    key_of(site, ADA, "one")
    link = site.portal_link(application, ADA)
    for opens in (True, False):
        page = browser.new_context().new_page()
        page.goto(link)
        page.get_by_role("button", name="Show my keys").click()
        page.get_by_role("heading", name="Your API keys").wait_for()
        assert ("This link was used before" in page.content()) is not opens
        page.goto(f"{site.url}/portal")
        assert page.url == f"{site.url}/portal{'' if opens else '/ended'}"
        page.context.close()


def test_the_key_of_somebody_else_is_not_there(browser: Any, site: Site, application: str) -> None:
    key_of(site, ADA, "one")
    theirs = key_of(site, BOB, "other")
    page = browser.new_context().new_page()
    page.goto(site.portal_link(application, ADA))
    page.get_by_role("button", name="Show my keys").click()
    for path in ("", "/rotate"):
        answer = page.goto(f"{site.url}/portal/keys/{theirs['id']}{path}")
        assert answer.status == 404
        assert theirs["name"] not in page.content()
    page.context.close()


def test_no_page_is_hard_to_read_or_too_wide(
    browser: Any, site: Site, application: str, looks: Any
) -> None:
    mine = key_of(site, ADA, "billing of the whole company")
    link = site.portal_link(application, ADA)
    with watching(browser, site) as page:
        looks(page, "portal-link", link)
        page.goto(link)
        page.get_by_role("button", name="Show my keys").click()
        page.wait_for_url(f"{site.url}/portal")
        looks(page, "portal", f"{site.url}/portal")
        looks(page, "portal-key", f"{site.url}/portal/keys/{mine['id']}")
        looks(page, "portal-rotate", f"{site.url}/portal/keys/{mine['id']}/rotate")
        looks(page, "portal-ended", f"{site.url}/portal/ended")
