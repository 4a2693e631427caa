"""The jobs that webhooks make, and what does each."""

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook.events import PUSH
from keyfuse_webhook.github_api import GitHubApi
from keyfuse_webhook.github_app import GitHubApp
from keyfuse_webhook.jobs_model import Handler
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_report import PushReports
from keyfuse_webhook.push_response import REPORT, PushResponse
from keyfuse_webhook.push_scan import PushScan
from keyfuse_webhook.revocation import Enqueue, LeakResponse


def github_handlers(store: KeyStore, enqueue: Enqueue) -> dict[str, Handler]:
    """Every kind of job that a webhook makes."""
    settings = store.settings
    app = _app(settings)
    response = LeakResponse(store, enqueue)
    mirrors = Mirrors(settings.home / "mirrors")
    # Without an App only public repositories can be fetched.
    scan = PushScan(store, mirrors, app.token if app else lambda _: None)
    if app is None:
        return {PUSH: PushResponse(store, response, scan, None).handler()}
    told = settings.github_report
    beside = told if told in {"comment", "issue"} else None
    reports = PushReports(scan, GitHubApi(settings.github_api_url), app.token, beside)
    return {
        PUSH: PushResponse(store, response, scan, None if told == "off" else enqueue).handler(),
        # Also where reports were switched off: those that wait come to an end.
        REPORT: reports.handler(),
    }


def _app(settings: Settings) -> GitHubApp | None:
    if settings.github_app_id is None and settings.github_app_private_key is None:
        return None
    return GitHubApp(settings)
