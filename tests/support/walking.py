"""The real service and a real browser in front of it: what the walks of the live suite share."""

import json
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
from support.live import QUIET, program
from support.service import running_service, service_environment
from support.webhook import record


class Site(NamedTuple):
    """The service, and the parties outside.

    Attributes:
        url: Where browsers reach it.
        inner: Where it listens.
    """

    url: str
    inner: str
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
        return str(self._curl("/v1/verify", {"key": key})["code"])

    def portal_link(self, management_key: str, owner: str) -> str:
        """Ask for a link as a host application does."""
        sent = self._curl("/v1/portal-sessions", {"owner": owner}, management_key)
        return str(sent["link"])

    def alert(self, key: str) -> None:
        """A partner alert, signed by the stand-in for GitHub."""
        url = "https://github.com/acme/app/blob/main/config.py"
        body, headers = self.github.alert([record(key, url=url, source="commit")])
        answer = httpx.post(f"{self.inner}/github/partner-alerts", content=body, headers=headers)
        assert answer.json()[0]["label"] == "true_positive"

    def _curl(self, path: str, asked: object, management_key: str = "") -> Any:
        """Send JSON; what is secret goes in through a pipe, never through the list of processes."""
        settings = [f'url = "{self.inner}{path}"', f"data = {json.dumps(json.dumps(asked))}"]
        if management_key:
            settings.append(f'header = "Authorization: Bearer {management_key}"')
            settings.append('header = "Content-Type: application/json"')
        done = subprocess.run(
            [program("curl"), "-s", "-K", "-"],
            input="\n".join(settings),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)


@contextmanager
def running_site(folder: Path, url: str | None = None) -> Iterator[Site]:
    """The service on a port of loopback, with a root key.

    Args:
        folder: For its data.
        url: Where browsers reach it, if not at that port.
    """
    port = free_port()
    inner = f"http://127.0.0.1:{port}"
    with StandInGitHub() as github, MailSink() as sink:
        environment = service_environment(
            folder / "home",
            KEYFUSE_BASE_URL=url or inner,
            KEYFUSE_SMTP_URL=sink.url,
            KEYFUSE_GITHUB_PARTNER_KEYS_URL=github.keys_url,
        )
        with running_service(port, environment, folder / "log"):
            site = Site(url or inner, inner, environment, github, sink)
            owner = ("--owner", "root@example.com", "--name", "laptop of ops")
            site.keyfuse("keys", "issue", "--admin", *owner)
            yield site


@contextmanager
def chromium(*options: str) -> Iterator[Any]:
    """The browser, which asks nobody for anything but the pages it is shown."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program("chromium"), args=[*QUIET, *options]
        )
        yield browser
        browser.close()


@contextmanager
def watching(browser: Any, site: Site, **options: Any) -> Iterator[Any]:
    """A page that may neither complain nor ask anybody else for anything."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, **options)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(f"{site.url}/")] == []


@contextmanager
def visiting(browser: Any, site: Site, **options: Any) -> Iterator[Any]:
    """The same, signed in."""
    with watching(browser, site, **options) as page:
        page.goto(site.keyfuse("console", "login")["link"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{site.url}/console")
        yield page


def issue(page: Any, site: Site, name: str, owner: str = "ada@example.com") -> str:
    """Issue a key by the form, and give what it shows."""
    page.goto(f"{site.url}/console/keys/new")
    page.get_by_label("Prefix").fill("acme_live")
    page.get_by_label("Owner").fill(owner)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Scopes").fill("invoices:read invoices:write")
    page.get_by_label("Rate limit").fill("100/minute")
    page.get_by_label("Quota").fill("10000/month")
    page.get_by_role("button", name="Issue the key").click()
    return stored(page)


def stored(page: Any) -> str:
    """The key on the one page that shows it, which is left."""
    key = str(page.locator("#key").input_value())
    page.get_by_role("link", name="I have stored it").click()
    assert key not in page.content()
    return key
