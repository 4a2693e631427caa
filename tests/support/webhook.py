"""What the tests of the service share: a record as GitHub sends it, and patience."""

import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import httpx


def eventually(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until a condition holds, and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def record(token: str, **fields: object) -> dict[str, object]:
    return {"token": token, "type": "acme_key", "url": "https://example.com/x", **fields}


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail, which may have HTML beside it."""
    body = mail.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


def post_alert(port: int, github: Any, *records: dict[str, object]) -> list[str]:
    """Send records to a service as GitHub would; the labels of its answer."""
    body, headers = github.alert(records)
    url = f"http://127.0.0.1:{port}/github/partner-alerts"
    answer = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    return [entry["label"] for entry in answer.json()]
