"""The few files that browsers load, out of a table: no path of a request touches the disk."""

from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from keyfuse_webhook.console.headers import HEADERS
from keyfuse_webhook.problem import NOT_FOUND, problem

_STATIC = Path(__file__).parent / "static"
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}

TYPES = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "keyfuse.svg": "image/svg+xml",
    "uPlot.iife.min.js": "text/javascript",
    "uPlot.min.css": "text/css",
}


async def asset(request: Request) -> Response:
    """One of the files; pages name it with its hash, so that it never grows old."""
    name = request.path_params["name"]
    if name not in TYPES:
        return problem(NOT_FOUND)
    return Response(_content(name), media_type=TYPES[name], headers={**HEADERS, **_KEPT})


@lru_cache
def _content(name: str) -> bytes:
    return (_STATIC / name).read_bytes()
