"""A store, an application on it, a mail sink and a git server, all real; stand-ins for GitHub."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
import pytest
from starlette.applications import Starlette

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook import notification
from keyfuse_webhook.app import build_app
from keyfuse_webhook.jobs import JobQueue, JobWorker
from keyfuse_webhook.mail_sink import MailSink
from keyfuse_webhook.standin import StandInGitHub
from keyfuse_webhook.working import handlers as all_handlers
from keyfuse_webhook.working import job_database
from support.githttp import GitServer, Remote
from support.githubapi import StandInApi

OWNER = "owner@example.com"


class Service:
    """The application in this process, reached through its ASGI interface."""

    def __init__(self, store: KeyStore, queue: JobQueue, github: StandInGitHub) -> None:
        self.store = store
        self.queue = queue
        self.github = github
        self._portal: Any = None
        self._client: Any = None

    def run(self, app: Starlette) -> "Iterator[Service]":
        with anyio.from_thread.start_blocking_portal() as portal:
            self._portal = portal
            with portal.wrap_async_context_manager(app.router.lifespan_context(app)):
                transport = httpx.ASGITransport(app, raise_app_exceptions=False)
                client = httpx.AsyncClient(transport=transport, base_url="http://keyfuse.test")
                with portal.wrap_async_context_manager(client) as self._client:
                    yield self

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._portal.call(lambda: self._client.request(method, path, **options))

    def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return self.request("POST", "/github/partner-alerts", content=body, headers=headers)

    def alert(self, *records: object) -> httpx.Response:
        """Send records as GitHub would."""
        return self.post(*self.github.alert(records))

    def labels(self, *records: object) -> list[str]:
        answer = self.alert(*records)
        assert answer.status_code == 200, answer.text
        return [entry["label"] for entry in answer.json()]

    def issue(self, **options: Any) -> Any:
        return self.store.issue(**{"prefix": "acme_live", "owner": OWNER, "name": "ci"} | options)

    def state(self, issued: Any) -> str:
        return self.store.get(issued.key.id).state


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait until the last calls with a key are counted."""
    monkeypatch.setattr(notification, "COUNTED", 0)


@pytest.fixture
def github() -> Iterator[StandInGitHub]:
    with StandInGitHub() as standin:
        yield standin


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with MailSink() as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, github: StandInGitHub) -> Callable[..., Settings]:
    def load(config: str = "", **environ: str) -> Settings:
        file = tmp_path / "keyfuse-service.toml"
        file.write_text(config, "utf-8")
        given = {
            "KEYFUSE_HOME": str(tmp_path / "home"),
            "KEYFUSE_GITHUB_PARTNER_KEYS_URL": github.keys_url,
        }
        return Settings.load(given | environ, config_file=file)

    return load


@pytest.fixture
def open_service(github: StandInGitHub) -> Iterator[Callable[..., Service]]:
    """Start services; all are ended with the test."""
    running: list[Iterator[Service]] = []
    opened: list[Any] = []

    def start(settings: Settings, **options: Any) -> Service:
        store = KeyStore.open(settings=settings)
        queue = JobQueue(job_database(store))
        opened.extend([queue, store])
        service = Service(store, queue, github)
        options = {"find_job": queue.find, "jobs": queue} | options
        app = build_app(store, options.pop("enqueue", queue.enqueue), **options)
        running.append(service.run(app))
        return next(running[-1])

    yield start
    for one in reversed(running):
        next(one, None)
    for one in opened:
        one.close()


@pytest.fixture
def service(settings: Callable[..., Settings], open_service: Callable[..., Service]) -> Service:
    return open_service(settings())


@pytest.fixture
def work() -> Iterator[Callable[[KeyStore], JobWorker]]:
    """Start job workers; all are stopped with the test."""
    running: list[JobWorker] = []
    queues: list[JobQueue] = []

    def start(store: KeyStore) -> JobWorker:
        url = job_database(store)
        queues.append(JobQueue(url))
        handlers = all_handlers(store, queues[-1].enqueue)
        running.append(JobWorker(url, handlers))
        running[-1].start()
        return running[-1]

    yield start
    for worker in running:
        worker.stop()
    for queue in queues:
        queue.close()


@pytest.fixture
def api() -> Iterator[StandInApi]:
    """GitHub's REST API."""
    with StandInApi().running() as running:
        yield running


@pytest.fixture
def server(planted: Path) -> Iterator[GitServer]:
    """Serves git repositories; what is pushed to them may hold keys."""
    with GitServer(planted).running() as running:
        yield running


@pytest.fixture
def remote(server: GitServer) -> Remote:
    """A repository there, with one clean commit."""
    made = server.repository()
    made.commit("first", a_txt="clean\n")
    made.push()
    return made
