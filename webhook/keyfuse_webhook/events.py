"""What the events mean to us: a payload in, the job that it calls for out. No I/O.

Payloads of other versions lack fields or have them in other shapes. What cannot be understood
is no error: there is nothing to do, in one stable word.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keyfuse_rules.keyfinding import find_keys
from keyfuse_webhook.github_names import RepositoryName, is_zero, object_id, repository_name
from keyfuse_webhook.jobs_model import Job
from keyfuse_webhook.webhook_delivery import Delivery

PUSH = "push"
ALERT = "secret-alert"
# A payload names no more commits than that; then it does not tell how many there are.
_MOST_COMMITS = 2048
_NUMBERS_END = 2**63
# Of an alert that somebody deals with, us included.
_DEALT_WITH = frozenset(("resolved", "assigned", "unassigned"))


@dataclass(frozen=True, slots=True)
class Push:
    """What was pushed to one ref.

    Attributes:
        before: Tip of the ref before; zeros for a new one.
        after: Its tip now.
        commits: How many commits are new; 0 where the payload does not tell.
        forced: History was rewritten.
        default: The ref is the default branch.
        private: Only members can read the repository.
        installation: Of the App, empty without one.
    """

    repository: RepositoryName
    before: str
    after: str
    commits: int
    forced: bool
    default: bool
    private: bool
    installation: str

    def arguments(self) -> tuple[str, ...]:
        """As the arguments of a job: text, and nothing that anybody chose freely."""
        flags = {"forced": self.forced, "default": self.default, "private": self.private}
        words = " ".join(name for name, is_set in flags.items() if is_set)
        return (str(self.repository), self.before, self.after, str(self.commits), words,
                self.installation)  # fmt: skip

    @classmethod
    def of(cls, job: Job) -> "Push":
        """Read the arguments of a job."""
        name, before, after, commits, words, installation = job.arguments
        repository = repository_name(name)
        if repository is None:
            raise ValueError("the job names no repository")
        flags = {word: word in words.split() for word in ("forced", "default", "private")}
        return cls(repository, before, after, int(commits), installation=installation, **flags)


def read_push(payload: Mapping[str, Any]) -> Push | str:
    """Read a `push` payload; a word where there is nothing to do.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
    """
    repository = _table(payload, "repository")
    name = repository_name(repository.get("full_name"))
    before, after = object_id(payload.get("before")), object_id(payload.get("after"))
    if name is None or before is None or after is None:
        return "not_understood"
    if find_keys(str(name).encode()).keys:
        return "name_holds_a_key"
    if is_zero(after):
        return "ref_deleted"
    commits = payload.get("commits")
    count = len(commits) if isinstance(commits, list) else 0
    return Push(
        repository=name,
        before=before,
        after=after,
        commits=count if count < _MOST_COMMITS else 0,
        forced=payload.get("forced") is True,
        default=payload.get("ref") == f"refs/heads/{_default_branch(repository)}",
        private=repository.get("private") is True,
        installation=installation(payload),
    )


def _push(delivery: Delivery) -> Job | str:
    push = read_push(delivery.payload)
    if isinstance(push, str):
        return push
    return Job(f"{PUSH}-{delivery.digest}", PUSH, push.arguments(), line=str(push.repository))


@dataclass(frozen=True, slots=True)
class AlertNamed:
    """A secret scanning alert that an event names; the event has no secret in it.

    Attributes:
        number: Its number in the repository.
        private: Only members can read the repository.
        installation: Of the App, empty without one.
    """

    repository: RepositoryName
    number: int
    private: bool
    installation: str

    def arguments(self) -> tuple[str, ...]:
        """As the arguments of a job."""
        private = "private" if self.private else ""
        return str(self.repository), str(self.number), private, self.installation

    @classmethod
    def of(cls, job: Job) -> "AlertNamed":
        """Read the arguments of a job."""
        name, number, private, installation = job.arguments
        repository = repository_name(name)
        if repository is None:
            raise ValueError("the job names no repository")
        return cls(repository, int(number), private == "private", installation)


def read_alert(payload: Mapping[str, Any]) -> AlertNamed | str:
    """Read the payload of an event about an alert or about one of its places.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#secret_scanning_alert
    """
    repository = _table(payload, "repository")
    name = repository_name(repository.get("full_name"))
    number = _table(payload, "alert").get("number")
    if name is None or type(number) is not int or not 0 < number < _NUMBERS_END:
        return "not_understood"
    if find_keys(str(name).encode()).keys:
        return "name_holds_a_key"
    action = payload.get("action")
    if isinstance(action, str) and action in _DEALT_WITH:
        return "nothing_to_do"
    return AlertNamed(name, number, repository.get("private") is True, installation(payload))


def _alert(delivery: Delivery) -> Job | str:
    alert = read_alert(delivery.payload)
    if isinstance(alert, str):
        return alert
    line = str(alert.repository)
    return Job(f"{ALERT}-{delivery.digest}", ALERT, alert.arguments(), line=line)


def installation(payload: Mapping[str, Any]) -> str:
    """The id of the App's installation; empty where a repository's own webhook speaks."""
    given = _table(payload, "installation").get("id")
    return str(given) if type(given) is int and given > 0 else ""


def _default_branch(repository: Mapping[str, Any]) -> object:
    return repository.get("default_branch") or repository.get("master_branch")


def _table(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}


EVENTS: Mapping[str, Callable[[Delivery], Job | str]] = {
    "push": _push,
    "secret_scanning_alert": _alert,
    "secret_scanning_alert_location": _alert,
}
