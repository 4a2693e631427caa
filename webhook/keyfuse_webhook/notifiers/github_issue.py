"""Telling a repository of the operator's by an issue in it, as the GitHub App.

Foreign text stands in code spans, in which nothing is markup and nobody is mentioned. GitHub takes
no id of ours for an issue: one that was opened before is found by a mark in its text.
"""

from keyfuse_rules import Secret
from keyfuse_store.settings import Settings
from keyfuse_webhook import message
from keyfuse_webhook.check_run import code
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.git_fetch import RepositoryGone
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import Below, GitHubApi
from keyfuse_webhook.github_app import GitHubApp
from keyfuse_webhook.github_names import RepositoryName, repository_name
from keyfuse_webhook.jobs_model import Outcome, TryAgain
from keyfuse_webhook.message import LeakedKey
from keyfuse_webhook.notifiers.interface import Notice, Notifier

_LONGEST_TITLE = 250
_LONGEST_BODY = 60_000
_MOST_KEYS = 50
# Issues among which one of ours is looked for.
_LOOKED_THROUGH = 100


def open_notifier(settings: Settings) -> Notifier | None:
    """Issues in the repository that the settings name, if they do.

    Raises:
        InvalidSetting: The name is none, or there is no App to act as.
    """
    if settings.notify_github_repository is None:
        return None
    repository = repository_name(settings.notify_github_repository)
    if repository is None:
        raise InvalidSetting("KEYFUSE_NOTIFY_GITHUB_REPOSITORY: write owner/name")
    app, api = GitHubApp(settings), GitHubApi(settings.github_api_url)
    return GitHubIssue(repository, api, app)


class GitHubIssue:
    """Opens an issue for each notice."""

    def __init__(self, repository: RepositoryName, api: GitHubApi, app: GitHubApp) -> None:
        self._path = f"/repos/{repository}"
        self._api = api
        self._app = app

    def deliver(self, notice: Notice) -> Outcome:
        """Open one issue, unless it is open already.

        Raises:
            TryAgain: GitHub cannot be asked right now.
        """
        try:
            return self._open(notice, Below(self._api, self._path, self._token()))
        except (ApiRefused, RepositoryGone) as error:
            return Outcome("undeliverable", str(error))

    def _open(self, notice: Notice, repository: Below) -> Outcome:
        youngest = {"state": "all", "sort": "created", "direction": "desc"}
        known = repository.pages("/issues", most=_LOOKED_THROUGH, query=youngest)
        if any(_mark(notice) in str(issue.get("body")) for issue in known):
            return Outcome("done", "the issue was there already")
        repository.call("POST", "/issues", compose(notice))
        return Outcome("done")

    def _token(self) -> Secret:
        found = self._api.call("GET", f"{self._path}/installation", self._app.jwt())
        given = found.get("id") if isinstance(found, dict) else None
        if type(given) is not int:
            raise TryAgain("GitHub's API gave no installation")
        token = self._app.token(str(given), "issue")
        if token is None:
            raise TryAgain("GitHub's API gave no token")
        return token


def compose(notice: Notice) -> dict[str, object]:
    """The issue as the API takes it."""
    keys = notice.keys
    parts = [
        f"Owner: {code(notice.address)}",
        *map(_of_key, keys[:_MOST_KEYS]),
    ]
    if len(keys) > _MOST_KEYS:
        parts.append(f"{len(keys) - _MOST_KEYS} more: `keyfuse leaks list`")
    body = "\n\n".join([*parts, message.CLOSING])[:_LONGEST_BODY]
    return {"title": _title(keys)[:_LONGEST_TITLE], "body": f"{body}\n\n{_mark(notice)}"}


def _title(keys: tuple[LeakedKey, ...]) -> str:
    """In a title nothing is markup, but a name with an @ would mention somebody: none is in it."""
    if len(keys) > 1:
        return f"{len(keys)} API keys leaked"
    return f"API key {keys[0].key_id} ({keys[0].prefix}) leaked"


def _of_key(key: LeakedKey) -> str:
    lines = [f"- {fact.name}: {code(fact.value)}" for fact in message.facts(key)]
    return "\n".join([f"### {key.key_id}", "", *lines])


def _mark(notice: Notice) -> str:
    return f"<!-- {notice.id} -->"
