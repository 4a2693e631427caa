"""The running service: store, jobs, application and server, started and ended in order."""

import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.applications import Starlette

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook import metrics
from keyfuse_webhook.app import Role, build_app
from keyfuse_webhook.ending import end_for_certain
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.heads import BoundedHeads
from keyfuse_webhook.working import Background, background, open_queue, running, say_what_is_missing

# Seconds given to requests under way when the service is told to end.
GRACE = 30

_ROOT_PREFIX = "keyfuse_root"
MAKE_ROOT_KEY = "keyfuse keys issue --admin --owner you@example.com"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve."""

    host: str
    port: int
    role: Role
    worker: bool
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None


def serve(settings: Settings, serving: Serving) -> None:
    """Serve until told to end (SIGTERM, SIGINT); then finish what is under way and return.

    Raises:
        StoreError: The database or its peppers cannot be used.
        WebhookError: A setting cannot be used.
    """
    with KeyStore.open(settings=settings) as store, open_queue(store) as queue:
        workers = background(store, queue) if serving.worker else ()
        app = build_app(
            store,
            queue.enqueue,
            role=serving.role,
            host=serving.host,
            find_job=queue.find,
            jobs=queue,
            lifespan=_working(workers),
        )
        _say_what_is_missing(store)
        with (
            metrics.listening(serving.metrics_host, serving.metrics_port, queue.count),
            _listening(serving) as listener,
            _quiet_signals(),
        ):
            _log.info("listening", host=serving.host, port=listener.getsockname()[1])
            settle()
            uvicorn.Server(_config(app, settings)).run(sockets=[listener])


def settle() -> None:
    """Take what is loaded by now for good: else the garbage collector goes through it for ever."""
    gc.collect()
    gc.freeze()


def _listening(serving: Serving) -> socket.socket:
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    try:
        return socket.create_server((serving.host, serving.port), family=family, backlog=2048)
    except OSError as error:
        raise InvalidSetting(
            f"cannot listen on {serving.host}, port {serving.port}: {error.strerror}"
        ) from None


def _config(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHeads,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACE,
    )


@contextlib.asynccontextmanager
async def _working(workers: Sequence[Background]) -> AsyncIterator[None]:
    """Run jobs beside the application."""
    # At the end the server has answered its last request; blocking the loop harms nobody.
    with running(workers):
        yield
        end_for_certain()


@contextlib.contextmanager
def _quiet_signals() -> Iterator[None]:
    """Let the server's graceful end be the end: it raises the signal again when it is done."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_what_is_missing(store: KeyStore) -> None:
    say_what_is_missing(store)
    if not store.list(prefix=_ROOT_PREFIX, state="active", limit=1):
        _log.warning("no_management_key", make_one_with=MAKE_ROOT_KEY)
