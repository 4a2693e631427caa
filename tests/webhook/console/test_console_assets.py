"""Vendored files are what their makers published, and browsers may keep what we serve."""

import hashlib
import re
from pathlib import Path

import keyfuse_webhook.console
from keyfuse_webhook.console.assets import TYPES
from support.browsing import Browser

STATIC = Path(keyfuse_webhook.console.__file__).parent / "static"
HASHED = re.compile(r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", re.MULTILINE)


def test_vendored_files_are_unmodified() -> None:
    stated = dict(HASHED.findall((STATIC / "README.md").read_text("utf-8")))
    ours = {"console.css", "console.js", "keyfuse.svg"}
    assert set(stated) | ours == set(TYPES)
    for name, digest in stated.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_each_file_is_served_for_ever_under_a_name_that_changes_with_it(browser: Browser) -> None:
    html = browser.get("/console").html
    named = dict(re.findall(r'/console/static/([\w.-]+)\?([0-9a-f]{12})"', html))
    assert set(named) == set(TYPES)
    for name, kind in TYPES.items():
        page = browser.get(f"/console/static/{name}")
        assert page.headers["content-type"].startswith(kind)
        assert "immutable" in page.headers["cache-control"]
        digest = hashlib.sha256(page.response.content).hexdigest()
        assert digest.startswith(named[name])
