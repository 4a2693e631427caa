"""Acting as a GitHub App: one installation token after the other, kept until it is about to end.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keyfuse_rules import Secret
from keyfuse_store.settings import Settings
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.git_fetch import RepositoryGone
from keyfuse_webhook.github_answers import limit_pause
from keyfuse_webhook.jobs_model import TryAgain

if TYPE_CHECKING:
    from github import GithubException, GithubIntegration

# A token lives for an hour; a fetch that begins with it shall end with it.
_MARGIN = timedelta(minutes=10)
_TIMEOUT = 15
_SERVER_ERROR = 500
# As it travels in a header.
_TOKEN = re.compile(r"[!-~]{1,4096}")

Purpose = Literal["fetch", "check", "alert", "comment", "issue", "list"]
# What a token may do, whatever the App was granted: no more than its purpose needs.
PERMISSIONS: Mapping[Purpose, Mapping[str, str]] = {
    "fetch": {"contents": "read"},
    "check": {"checks": "write"},
    "alert": {"secret_scanning_alerts": "write"},
    "comment": {"contents": "read"},
    "issue": {"issues": "write"},
    "list": {"metadata": "read"},
}

_log = structlog.get_logger(__name__)


class GitHubApp:
    """The App that the settings name.

    Args:
        settings: With `github_app_id` and `github_app_private_key`.

    Raises:
        InvalidSetting: The private key is none.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.github_app_id is None or settings.github_app_private_key is None:
            raise InvalidSetting("a GitHub App needs both its id and its private key")
        self._id = settings.github_app_id
        self._key = _checked(settings.github_app_private_key)
        self._url = settings.github_api_url
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, Purpose], tuple[Secret, datetime]] = {}

    def token(self, installation: str, purpose: Purpose = "fetch") -> Secret | None:
        """A token for one purpose in one installation; None where no installation is named.

        Raises:
            RepositoryGone: The installation was removed or suspended, or the App is unknown.
            TryAgain: GitHub cannot be asked right now.
        """
        if not installation:
            return None
        with self._lock:
            kept = self._tokens.get((installation, purpose))
            if kept is None or kept[1] - datetime.now(UTC) < _MARGIN:
                kept = self._tokens[installation, purpose] = self._fetch(installation, purpose)
            return kept[0]

    def jwt(self) -> Secret:
        """What the App itself shows, good for a few minutes."""
        from github import Auth

        return Secret(Auth.AppAuth(self._id, self._key.reveal()).create_jwt())

    def _fetch(self, installation: str, purpose: Purpose) -> tuple[Secret, datetime]:
        import requests
        from github import BadAttributeException, GithubException

        with self._integration() as github:
            try:
                given = github.get_access_token(
                    int(installation), permissions=dict(PERMISSIONS[purpose])
                )
                granted = _granted(given.token, given.expires_at)
            except GithubException as error:
                self._tokens.pop((installation, purpose), None)
                raise _meaning(error) from None
            except requests.RequestException as error:
                raise TryAgain(f"GitHub's API: {type(error).__name__}") from None
            except (BadAttributeException, TypeError, ValueError, RecursionError):
                # What the library makes of an answer that is none of GitHub's; it may quote it.
                raise TryAgain("GitHub's API gave no token") from None
        _log.info("installation_token_fetched", installation=installation, purpose=purpose)
        return granted

    def _integration(self) -> "GithubIntegration":
        # Its import takes half a second, and no service without an App needs it.
        from github import Auth, GithubIntegration

        # Trying again and waiting is what the job worker is for.
        return GithubIntegration(
            auth=Auth.AppAuth(self._id, self._key.reveal()),
            base_url=self._url,
            timeout=_TIMEOUT,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )


def _checked(key: Secret) -> Secret:
    """The private key, once it is known to be one."""
    # A PEM in an environment variable often has `\n` for its line ends.
    text = key.reveal().replace("\\n", "\n")
    try:
        loaded = load_pem_private_key(text.encode("utf-8"), password=None)
    except (ValueError, TypeError):
        loaded = None
    if not isinstance(loaded, RSAPrivateKey):
        raise InvalidSetting(
            "github_app_private_key is no RSA private key in PEM; use the file that GitHub gave you"
        )
    return Secret(text)


def _granted(token: str | None, ends: datetime | None) -> tuple[Secret, datetime]:
    """The token of an answer and its end; kept, half of them would break every later call.

    Raises:
        TryAgain: One of them is missing, or is none.
    """
    if token is None or not _TOKEN.fullmatch(token) or ends is None or ends.tzinfo is None:
        raise TryAgain("GitHub's API gave no token")
    return Secret(token), ends


def _meaning(error: "GithubException") -> TryAgain | RepositoryGone:
    """What a refusal means. Its words are not repeated: they are the server's."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    pause = limit_pause(error.status, headers, str(error.data).encode(), time.time())
    if pause is not None or error.status >= _SERVER_ERROR:
        return TryAgain(f"GitHub's API answered {error.status}", after=pause or 0.0)
    return RepositoryGone(
        f"GitHub gives no token for the installation ({error.status}): it was removed or suspended,"
        " it lacks a permission, or the App's id and key do not belong together"
    )
