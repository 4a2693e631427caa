"""What is done beside answering requests: the jobs, and the watches that make some of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

import structlog

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings, unknown_variables
from keyfuse_webhook import expiry_warnings
from keyfuse_webhook.catch_up import catch_up_watch
from keyfuse_webhook.console import portal_mail
from keyfuse_webhook.console.audit_pages import CHECK, check_handler
from keyfuse_webhook.ending import end_for_certain, until_told
from keyfuse_webhook.github_jobs import github_handlers
from keyfuse_webhook.jobs import JobQueue, JobWorker
from keyfuse_webhook.jobs_model import Handler
from keyfuse_webhook.metrics import listening
from keyfuse_webhook.notification import notification_handlers
from keyfuse_webhook.notifiers import open_notifiers
from keyfuse_webhook.owner_mail import OwnerMail
from keyfuse_webhook.revocation import Enqueue

_log = structlog.get_logger(__name__)


class Background(Protocol):
    """Something that runs in threads of its own."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """Finish what is under way."""


def work(settings: Settings, metrics_host: str, metrics_port: int | None) -> None:
    """Run jobs until told to end (SIGTERM, SIGINT), and answer no requests but for metrics.

    Args:
        settings: Of the service.
        metrics_host: Where to show metrics.
        metrics_port: On which port; None shows none.

    Raises:
        StoreError: The database or its peppers cannot be used.
        WebhookError: A setting cannot be used.
    """
    wait = until_told()
    with KeyStore.open(settings=settings) as store, open_queue(store) as queue:
        workers = background(store, queue)
        say_what_is_missing(store)
        with listening(metrics_host, metrics_port, queue.count), running(workers):
            wait()
            end_for_certain()


def background(store: KeyStore, queue: JobQueue) -> Sequence[Background]:
    """Whatever a worker runs, wherever it runs."""
    settings = store.settings
    jobs = JobWorker(
        job_database(store),
        handlers(store, queue.enqueue),
        keep=timedelta(days=settings.job_days),
    )
    watches: list[Background] = [expiry_warnings.expiry_watch(store, queue.enqueue)]
    if settings.github_app_id is not None:
        watches.append(catch_up_watch(store, queue.enqueue))
    return [jobs, *watches]


def handlers(store: KeyStore, enqueue: Enqueue) -> Mapping[str, Handler]:
    """What is done for each kind of job."""
    return {
        **notification_handlers(store, enqueue),
        expiry_warnings.WARN: OwnerMail(store, expiry_warnings.letter).handler(),
        CHECK: check_handler(store),
        portal_mail.ROTATED: OwnerMail(store, portal_mail.letter).handler(),
        **github_handlers(store, enqueue),
    }


@contextmanager
def running(workers: Sequence[Background]) -> Iterator[None]:
    """Run all of them inside the block."""
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in reversed(workers):
            worker.stop()


@contextmanager
def open_queue(store: KeyStore) -> Iterator[JobQueue]:
    """The job queue in the database of a store.

    Raises:
        JobsUnavailable: The job tables cannot be made.
    """
    queue = JobQueue(job_database(store))
    try:
        yield queue
    finally:
        queue.close()


def job_database(store: KeyStore) -> str:
    """The URL as the job library needs it: the very file, whatever the working directory."""
    path = store.database.path
    if path is not None:
        return f"sqlite:///{path}"
    return store.database.engine.url.render_as_string(hide_password=False)


def say_what_is_missing(store: KeyStore) -> None:
    """Log what an operator may have forgotten, or misspelt: the environment is not ours alone."""
    for name in unknown_variables(os.environ):
        _log.warning("unknown_setting", effect="it is ignored", variable=name)
    targets = open_notifiers(store.settings)
    if "mail" not in targets:
        _log.warning("no_mail_server", effect="owners are not told", setting="KEYFUSE_SMTP_URL")
    if targets:
        _log.info("targets", told_of_leaks=sorted(targets))
    if store.settings.dry_run:
        _log.warning("dry_run", effect="leaked keys are recorded and left alive")
