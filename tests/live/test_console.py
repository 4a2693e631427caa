"""The console in a real browser, on the real service: the whole walk, live, readable for everyone.

`SCREENSHOTS=DIR make test-live TESTS=tests/live/test_console.py` leaves a picture of every page in
DIR; those of docs/ are made by it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from keyfuse_webhook.mail_sink import MailSink, free_port
from keyfuse_webhook.standin import StandInGitHub
from support.live import QUIET, node, program
from support.service import running_service, service_environment
from support.webhook import record

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.shows_key
SIZES = {"light": (1200, 800), "dark": (1200, 800), "phone": (390, 844)}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Site(NamedTuple):
    """The service, and the parties outside."""

    url: str
    environment: dict[str, str]
    github: StandInGitHub
    sink: MailSink

    def keyfuse(self, *arguments: str) -> Any:
        """Run a command on the server."""
        done = subprocess.run(
            [sys.executable, "-m", "keyfuse_scanner", *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def verify(self, key: str) -> str:
        """Ask with curl, as any program would."""
        asked = json.dumps({"key": key})
        command = [program("curl"), "-s", f"{self.url}/v1/verify", "--data-binary", "@-"]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
        return str(json.loads(done.stdout)["code"])

    def alert(self, key: str) -> None:
        """A partner alert, signed by the stand-in for GitHub."""
        url = "https://github.com/acme/app/blob/main/config.py"
        body, headers = self.github.alert([record(key, url=url, source="commit")])
        answer = httpx.post(f"{self.url}/github/partner-alerts", content=body, headers=headers)
        assert answer.json()[0]["label"] == "true_positive"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("console")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with StandInGitHub() as github, MailSink() as sink:
        environment = service_environment(
            folder / "home",
            KEYFUSE_BASE_URL=url,
            KEYFUSE_SMTP_URL=sink.url,
            KEYFUSE_GITHUB_PARTNER_KEYS_URL=github.keys_url,
        )
        with running_service(port, environment, folder / "log"):
            site = Site(url, environment, github, sink)
            owner = ("--owner", "root@example.com", "--name", "laptop of ops")
            site.keyfuse("keys", "issue", "--admin", *owner)
            yield site


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program("chromium"), args=QUIET)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Any, site: Site, **options: Any) -> Iterator[Any]:
    """A signed-in page that may neither complain nor ask anybody else for anything."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, **options)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.keyfuse("console", "login")["link"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/console")
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(f"{site.url}/")] == []


def issue(page: Any, site: Site, name: str) -> str:
    """Issue a key by the form, and give what it shows."""
    page.goto(f"{site.url}/console/keys/new")
    page.get_by_label("Prefix").fill("acme_live")
    page.get_by_label("Owner").fill("ada@example.com")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Scopes").fill("invoices:read invoices:write")
    page.get_by_label("Rate limit").fill("100/minute")
    page.get_by_label("Quota").fill("10000/month")
    page.get_by_role("button", name="Issue the key").click()
    key = page.locator("#key").input_value()
    page.get_by_role("link", name="I have stored it").click()
    assert key not in page.content()
    return str(key)


def test_the_whole_walk(chromium: Any, site: Site) -> None:
    """Sign in, issue, verify, rotate, alert, watch the incident live, revoke, sign out."""
    with visiting(chromium, site) as page:
        first = issue(page, site, "payments")
        assert site.verify(first) == "valid"

        page.get_by_role("link", name="Rotate").click()
        page.get_by_label("Overlap").fill("1h")
        page.get_by_role("button", name="Rotate").click()
        assert page.get_by_role("button", name="Copy").is_visible()
        second = page.locator("#key").input_value()
        page.get_by_role("link", name="I have stored it").click()
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


def test_searching_follows_what_is_typed(chromium: Any, site: Site) -> None:
    with visiting(chromium, site) as page:
        issue(page, site, "needle")
        page.goto(f"{site.url}/console/keys")
        page.get_by_label("Search").fill("needl")
        page.get_by_role("link", name="laptop of ops").wait_for(state="detached")
        assert page.get_by_role("link", name="needle").is_visible()


def test_without_scripts_everything_is_done_all_the_same(chromium: Any, site: Site) -> None:
    with visiting(chromium, site, java_script_enabled=False) as page:
        key = issue(page, site, "plain")
        for action, code in (("Suspend", "suspended"), ("Resume", "valid"), ("Revoke", "revoked")):
            page.get_by_role("link", name=action).click()
            page.get_by_role("button", name=action).click()
            assert site.verify(key) == code
        page.goto(f"{site.url}/console/audit")
        page.get_by_role("button", name="Check the chain").click()
        assert "being checked" in page.inner_text("main")
        assert not page.get_by_role("button", name="Copy").count()


def test_the_keyboard_is_enough(chromium: Any, site: Site) -> None:
    with visiting(chromium, site) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.url}/console/keys")


def test_no_page_is_hard_to_read_or_too_wide(chromium: Any, site: Site, tmp_path: Path) -> None:
    """axe-core finds nothing serious, in light and dark and on a phone."""
    axe = node("axe-core/axe.min.js").read_text("utf-8")
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))
    with visiting(chromium, site) as page:
        issue(page, site, "billing")
        for name, path in _pages(page, site).items():
            for look, (width, height) in SIZES.items():
                page.emulate_media(color_scheme="dark" if look == "dark" else "light")
                page.set_viewport_size({"width": width, "height": height})
                page.goto(site.url + path)
                page.evaluate(axe)
                found = page.evaluate("axe.run().then(({violations}) => violations)")
                bad = [
                    (one["id"], [each["html"] for each in one["nodes"]])
                    for one in found
                    if one["impact"] in {"serious", "critical"}
                ]
                assert bad == [], (name, look)
                assert page.evaluate(OVERFLOW) <= 0, (name, look)
                page.screenshot(path=shots / f"{name}-{look}.png", full_page=True)


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
