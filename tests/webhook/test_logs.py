"""Every log line of the process passes the redacting processor."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keyfuse_webhook.logs import redact_event
from support.keys import make_key

# In a process of its own: pytest's handlers would take the lines before they are redacted.
PROGRAM = """
import logging, structlog
from keyfuse_webhook import logs
from support.keys import make_key

token = make_key().reveal()
logs.configure(readable={readable})
log = structlog.get_logger("keyfuse_webhook.test")
log.warning("something_happened", count=3)
log.info(token, value=token, deep=[{{"a": (token, token.encode())}}], error=ValueError(token))
for name in ("dbos", "uvicorn.error", "some.library"):
    logging.getLogger(name).warning("value: %s", token)
logging.getLogger("httpx").info("request to " + token)
try:
    raise ValueError(token)
except ValueError:
    log.exception("broken")
    logging.getLogger("some.library").exception("broken %s", token)
"""


def run(*, readable):
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(readable=readable)],
        cwd=tests,
        env={"PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


def test_lines_are_json_objects_with_time_level_and_fields():
    first, *rest = [json.loads(line) for line in run(readable=False).splitlines()]
    assert (first["event"], first["count"], first["level"]) == ("something_happened", 3, "warning")
    assert first["timestamp"].endswith("Z")
    assert len(rest) == 1 + 3 + 2
    assert all("ValueError" in line["exception"] for line in rest[-2:])


@pytest.mark.parametrize("readable", [True, False])
def test_no_line_of_ours_or_of_a_library_holds_a_secret(readable):
    output = run(readable=readable)
    assert output.count("acme_live_kf1") > 8
    assert make_key().reveal()[-38:] not in output


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda text: f"before{text}after", id="inside text"),
        pytest.param(lambda text: {text: 1}, id="name"),
        pytest.param(lambda text: {"a": {"b": [text]}}, id="deep"),
        pytest.param(lambda text: {text}, id="set"),
        pytest.param(lambda text: text.encode(), id="bytes"),
        pytest.param(ValueError, id="exception"),
    ],
)
def test_key_in_any_value_is_cut(wrap):
    event = redact_event(None, "info", {"event": "x", "value": wrap(make_key().reveal())})
    assert make_key().reveal()[-38:] not in repr(event)
