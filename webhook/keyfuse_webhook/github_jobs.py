"""The jobs that webhooks make, and what does each."""

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook.events import PUSH
from keyfuse_webhook.github_app import GitHubApp
from keyfuse_webhook.jobs_model import Handler
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_response import PushResponse, Tokens
from keyfuse_webhook.revocation import Enqueue, LeakResponse


def github_handlers(store: KeyStore, enqueue: Enqueue) -> dict[str, Handler]:
    """Every kind of job that a webhook makes."""
    response = LeakResponse(store, enqueue)
    mirrors = Mirrors(store.settings.home / "mirrors")
    return {PUSH: PushResponse(store, response, mirrors, _tokens(store.settings)).handler()}


def _tokens(settings: Settings) -> Tokens:
    """Where tokens come from; without an App only public repositories can be fetched."""
    if settings.github_app_id is None and settings.github_app_private_key is None:
        return lambda _installation, _repository: None
    return GitHubApp(settings).token
