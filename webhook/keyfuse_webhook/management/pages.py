"""`/openapi.json` and `/docs`: the document for programs, and the same for people.

The page is made here and loads nothing, from us or from anybody: no script, one style of its own.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined

from keyfuse_store.answers import Answer
from keyfuse_store.asgi import Receive, Scope, Send, respond
from keyfuse_webhook.management.openapi import Document

_FOLDER = files("keyfuse_webhook.management")


class Page:
    """An ASGI application that gives one answer, made before."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give it."""
        await respond(self._answer, scope, receive, send)


class Row(NamedTuple):
    """One operation on the page."""

    method: str
    path: str
    operation: Mapping[str, Any]
    sent: str
    shown: str


def document_page(document: Document) -> Page:
    """The OpenAPI document."""
    headers = (("content-type", "application/json"), ("x-content-type-options", "nosniff"))
    return Page(Answer(200, headers, json.dumps(document, ensure_ascii=False).encode()))


def documentation_page(document: Document) -> Page:
    """The same for people."""
    style = _FOLDER.joinpath("docs.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(_FOLDER.joinpath("docs.html").read_text("utf-8"))
    html = template.render(document=document, rows=list(_rows(document)), style=style)
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    )
    return Page(Answer(200, headers, html.encode()))


def _rows(document: Document) -> Iterator[Row]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            sent = _example(operation.get("requestBody", {}))
            good = next(iter(operation["responses"].values()))
            yield Row(method.upper(), path, operation, sent, _example(good))


def _example(described: Mapping[str, Any]) -> str:
    for content in described.get("content", {}).values():
        if content.get("example"):
            return json.dumps(content["example"], indent=2, ensure_ascii=False)
    return ""
