"""What an event of a GitHub workflow asks to be scanned. Pure.

https://docs.github.com/en/actions/reference/events-that-trigger-workflows and the payloads of
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from keyfuse_scanner.errors import UsageError

_OBJECT_ID = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?").fullmatch
_BRANCH = re.compile(r"[^\s:?*\[\\^~\x00-\x1f\x7f]+").fullmatch
_PULL_REQUESTS = frozenset(("pull_request", "pull_request_target"))
_HEADS = "refs/heads/"


class Plan(NamedTuple):
    """What to scan, and what the outcome may change.

    Attributes:
        kind: The commits that the event brought, all history, or nothing.
        new: The commit or tag that is there now.
        olds: Commits that were there before; what they have is known.
        base: A branch whose commits are known; None for none.
        base_if_lost: The same, where an old commit is not to be had any more.
        policy: The commit whose word on ignoring counts.
        files: The commit whose files become alerts of code scanning; None for none.
        commits: How many commits the event says it brought; 0 where it says nothing.
        keeps: Whether what was scanned may be remembered for later runs.
    """

    kind: Literal["range", "history", "nothing"]
    new: str
    olds: tuple[str, ...] = ()
    base: str | None = None
    base_if_lost: str | None = None
    policy: str = ""
    files: str | None = None
    commits: int = 0
    keeps: bool = False


class Event(NamedTuple):
    """What triggered the workflow.

    Attributes:
        name: Of the event.
        payload: As GitHub sent it.
        commit_id: What was checked out.
        parents: Of that commit.
    """

    name: str
    payload: Mapping[str, Any]
    commit_id: str
    parents: tuple[str, ...] = ()


def plan(event: Event) -> Plan:
    """Return what an event asks to be scanned; one that says no range asks for all history.

    Raises:
        UsageError: the payload is not one of that event.
    """
    if event.name == "push":
        return _push(event)
    if event.name in _PULL_REQUESTS:
        return _pull_request(event)
    if event.name == "merge_group":
        return _merge_group(event)
    return Plan(
        "history",
        event.commit_id,
        policy=event.commit_id,
        files=event.commit_id,
        keeps=event.name == "schedule",
    )


def _push(event: Event) -> Plan:
    payload = event.payload
    before, after = _object_id(payload, "before"), _object_id(payload, "after")
    if not after.strip("0"):
        return Plan("nothing", after, policy=event.commit_id)
    main = _branch(payload, "repository", "default_branch")
    on_main = payload.get("ref") == _HEADS + main
    other = None if on_main else main
    is_new = not before.strip("0")
    return Plan(
        "range",
        after,
        olds=() if is_new else (before,),
        # What a rewritten branch takes over from the main one is not news.
        base=other if is_new or payload.get("forced") is True else None,
        base_if_lost=other,
        policy=event.commit_id,
        files=event.commit_id if on_main else None,
        commits=_length(payload.get("commits")),
        keeps=on_main,
    )


def _pull_request(event: Event) -> Plan:
    request = _table(event.payload, "pull_request")
    base, head = (_object_id(_table(request, side), "sha") for side in ("base", "head"))
    olds: tuple[str, ...] = (base,)
    if event.parents[1:] == (head,):
        # The merge that GitHub tries out knows the base of this very moment.
        olds = tuple(dict.fromkeys((event.parents[0], base)))
    count = request.get("commits")
    return Plan(
        "range",
        head,
        olds=olds,
        base_if_lost=_branch(request, "base", "ref"),
        policy=olds[0],
        files=event.commit_id if event.name == "pull_request" else None,
        commits=count if isinstance(count, int) else 0,
    )


def _merge_group(event: Event) -> Plan:
    group = _table(event.payload, "merge_group")
    base = _object_id(group, "base_sha")
    return Plan("range", _object_id(group, "head_sha"), olds=(base,), policy=base)


def _table(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = payload.get(name)
    if not isinstance(value, Mapping):
        raise UsageError(f"the event's payload has no {name}")
    return value


def _object_id(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or _OBJECT_ID(value) is None:
        raise UsageError(f"the event's payload has no commit as {name}")
    return value


def _branch(payload: Mapping[str, Any], table: str, name: str) -> str:
    value = _table(payload, table).get(name)
    if not isinstance(value, str) or _BRANCH(value) is None:
        raise UsageError(f"the event's payload names no branch as {table}.{name}")
    return value


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0
