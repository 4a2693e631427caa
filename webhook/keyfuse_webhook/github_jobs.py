"""The jobs that webhooks make, and what does each."""

from keyfuse_rules import Secret
from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_store.times import from_micros
from keyfuse_webhook.alert_response import AlertResponse
from keyfuse_webhook.catch_up import CATCH_UP, CatchUp
from keyfuse_webhook.events import ALERT, PUSH
from keyfuse_webhook.github_api import GitHubApi
from keyfuse_webhook.github_app import GitHubApp, Purpose
from keyfuse_webhook.jobs_model import Handler
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_report import PushReports
from keyfuse_webhook.push_response import REPORT, PushResponse
from keyfuse_webhook.push_scan import PushScan
from keyfuse_webhook.repository_scan import SCAN, RepositoryScans
from keyfuse_webhook.revocation import Enqueue, LeakResponse


def github_handlers(store: KeyStore, enqueue: Enqueue) -> dict[str, Handler]:
    """Every kind of job that a webhook makes; each is there whatever is configured.

    A job that was enqueued under other settings comes to an end, too.
    """
    settings = store.settings
    app = github_app(settings)
    token = app.token if app else _no_token
    response = LeakResponse(store, enqueue)
    api = GitHubApi(settings.github_api_url)
    scan = PushScan(store, Mirrors(settings.home / "mirrors"), token)
    told = settings.github_report
    reports = None if app is None or told == "off" else enqueue
    beside = told if told in {"comment", "issue"} else None
    return {
        PUSH: PushResponse(store, response, scan, reports).handler(),
        REPORT: PushReports(scan, api, token, beside).handler(),
        ALERT: AlertResponse(store, response, api, token).handler(),
        SCAN: scan_handler(store, enqueue),
        CATCH_UP: CatchUp(
            api, app.jwt if app else None, lambda: from_micros(store.clock())
        ).handler(),
    }


def scan_handler(store: KeyStore, enqueue: Enqueue) -> Handler:
    """What scans the parts of large scans.

    Raises:
        InvalidSetting: As `github_app` does.
    """
    app = github_app(store.settings)
    mirrors = Mirrors(store.settings.home / "scan-mirrors")
    token = app.token if app else _no_token
    return RepositoryScans(store, enqueue, mirrors, token).handler()


def github_app(settings: Settings) -> GitHubApp | None:
    """The App that the settings name, if they do.

    Raises:
        InvalidSetting: Half of it is missing, or its key is none.
    """
    if settings.github_app_id is None and settings.github_app_private_key is None:
        return None
    return GitHubApp(settings)


def _no_token(_installation: str, _purpose: Purpose = "fetch") -> Secret | None:
    """Without an App only public repositories can be fetched, and nothing is reported."""
    return None
