"""A service with a console behind https, its root key, and browsers."""

from collections.abc import Callable
from typing import Any

import pytest

from keyfuse_store import Issued
from support.browsing import ORIGIN, Browser
from support.entering import admin, link_of

Open = Callable[..., Any]


@pytest.fixture
def site(settings: Open, open_service: Open) -> Any:
    """The service."""
    return open_service(settings(KEYFUSE_BASE_URL=ORIGIN))


@pytest.fixture
def root(site: Any) -> Issued:
    """The root key."""
    return admin(site.store)


@pytest.fixture
def sign_in(site: Any) -> Callable[[Issued], Browser]:
    """Sign somebody in, who holds a key."""

    def signed_in(issued: Issued) -> Browser:
        browser = Browser(site)
        page = browser.follow(browser.post(link_of(site.store, issued.key.id), {}))
        assert (page.status, page.path) == (200, "/console")
        return browser

    return signed_in


@pytest.fixture
def browser(sign_in: Callable[[Issued], Browser], root: Issued) -> Browser:
    """The browser of somebody who may do everything."""
    return sign_in(root)
