"""What the tests of the service share: a record as GitHub sends it, and patience."""

import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until a condition holds, and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def record(token: str, **fields: object) -> dict[str, object]:
    return {"token": token, "type": "acme_key", "url": "https://example.com/x", **fields}
