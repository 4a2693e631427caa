"""Webhook deliveries as GitHub sends them: payloads and signatures made here."""

import hashlib
import hmac
import itertools
import json
from typing import Any

ZERO = "0" * 40
_numbers = itertools.count(1)


def push_payload(
    name: str, before: str, after: str, commits: int = 1, **changes: Any
) -> dict[str, Any]:
    """The parts of a push event that matter, and some that do not."""
    owner, _, short = name.partition("/")
    return {
        "ref": "refs/heads/main",
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": False,
        "base_ref": None,
        "commits": [{"id": f"{number:040x}", "message": "m"} for number in range(commits)],
        "repository": {
            "id": 1,
            "name": short,
            "full_name": name,
            "private": False,
            "owner": {"login": owner},
            "default_branch": "main",
            "clone_url": "http://attacker.invalid/x.git",
        },
        "pusher": {"name": "ada"},
    } | changes


def signed(
    event: str, payload: Any, secret: str = "s3cret", *, delivery: str | None = None
) -> tuple[bytes, dict[str, str]]:
    """A delivery: raw body and headers."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/1",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or f"delivery-{next(_numbers)}",
        "X-Hub-Signature-256": f"sha256={digest}",
    }
