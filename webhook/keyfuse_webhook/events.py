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
# A payload names no more commits than that; then it does not tell how many there are.
_MOST_COMMITS = 2048


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
}
