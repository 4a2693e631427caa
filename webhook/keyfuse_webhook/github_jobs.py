"""The jobs that webhooks make, and what does each."""

from keyfuse_store import KeyStore
from keyfuse_webhook.events import PUSH
from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.jobs_model import Handler
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_response import PushResponse
from keyfuse_webhook.revocation import Enqueue, LeakResponse


def github_handlers(store: KeyStore, enqueue: Enqueue) -> dict[str, Handler]:
    """Every kind of job that a webhook makes."""
    response = LeakResponse(store, enqueue)
    mirrors = Mirrors(store.settings.home / "mirrors")
    return {PUSH: PushResponse(store, response, mirrors, _no_token).handler()}


def _no_token(_installation: str, _repository: RepositoryName) -> None:
    """Without an App only public repositories can be fetched."""
