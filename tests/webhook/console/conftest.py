"""A service with a console behind https, its root key, and browsers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from keyfuse_store import Issued, revisions
from keyfuse_store.database import open_database
from keyfuse_webhook.jobs import JobQueue
from support.browsing import ORIGIN, Browser
from support.entering import admin, link_of
from support.postgres import PostgresServer, postgres_server

Open = Callable[..., Any]
TEMPLATE = "kf_console"
PEPPERS = "1:" + "cGVwcGVy" * 6


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A server with a database to copy, of keys and of jobs."""
    server = postgres_server()
    server.execute(f"CREATE DATABASE {TEMPLATE}")
    database = open_database(server.url(TEMPLATE))
    revisions.upgrade(database)
    database.close()
    JobQueue(server.url(TEMPLATE)).close()
    return server


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Mapping[str, str]]:
    """The settings that name the database: none for SQLite, unless a test asks for both."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield {}
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database(TEMPLATE) as url:
        yield {"KEYFUSE_DATABASE_URL": url, "KEYFUSE_PEPPERS": PEPPERS}


@pytest.fixture
def site(database: Mapping[str, str], settings: Open, open_service: Open) -> Any:
    """The service."""
    return open_service(settings(KEYFUSE_BASE_URL=ORIGIN, **database))


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
