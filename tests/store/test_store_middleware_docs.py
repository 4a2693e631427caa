"""The programs of docs/middleware.md, run as they stand there."""

import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import anyio
import httpx
import pytest

from keyfuse_store import KeyStore
from support.project import ROOT, fences

PAGE = (ROOT / "docs" / "middleware.md").read_text("utf-8")
EXAMPLES = dict(
    zip(re.findall(r"^## (\w+)\n", PAGE, re.MULTILINE), fences(PAGE, "python"), strict=True)
)


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def example(
    request: pytest.FixtureRequest,
    environ: dict[str, str],
    store: KeyStore,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ModuleType]:
    """A program of the page as a module, in a world where KEYFUSE_… names the test's store."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    module = ModuleType(f"example_{request.param.lower()}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(EXAMPLES[request.param], request.param, "exec"), module.__dict__)
    yield module
    module.store.close()


def get(app: Any, headers: dict[str, str], path: str = "/invoices") -> httpx.Response:
    """Ask an ASGI application, or a WSGI one, in this process."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            return await client.get(path, headers=headers)

    if type(app).__module__.startswith(("fastapi", "starlette")):
        return anyio.run(ask)
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://api.test") as client:
        return client.get(path, headers=headers)


@pytest.mark.parametrize("example", list(EXAMPLES), indirect=True)
def test_an_example_lets_keys_through_and_turns_the_others_away(
    example: ModuleType, store: KeyStore
) -> None:
    def key(*scopes: str) -> dict[str, str]:
        issued = store.issue(prefix="acme_live", owner="owner@example.com", scopes=scopes)
        return {"Authorization": f"Bearer {issued.token.reveal()}"}

    reader = key("invoices:read")
    assert get(example.app, reader).json() == {"owner": "owner@example.com", "invoices": []}
    assert get(example.app, key("users:read")).status_code == 403
    for headers in ({}, {"X-API-Key": "x"}):
        answer = get(example.app, headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
    twice = reader | {"X-API-Key": "x"}
    assert get(example.app, twice).status_code == 400
    (known,) = store.match([reader["Authorization"].removeprefix("Bearer ")])
    assert known is not None
    store.revoke(known.id, reason="leaked")
    assert get(example.app, reader).status_code == 401


@pytest.mark.parametrize("example", ["FastAPI"], indirect=True)
def test_the_fastapi_example_says_in_its_document_how_to_bring_the_key(
    example: ModuleType, store: KeyStore
) -> None:
    document = get(example.app, {}, "/openapi.json").json()
    assert document["security"] == [{"keyfuseBearer": []}, {"keyfuseHeader": []}]
    assert set(document["components"]["securitySchemes"]) == {"keyfuseBearer", "keyfuseHeader"}
    everything = store.issue(prefix="acme_live", owner="a@example.com", scopes=["invoices:*"])
    headers = {"X-API-Key": everything.token.reveal()}
    assert get(example.app, headers, "/forgotten").status_code == 403
    assert get(example.app, headers, "/docs").status_code == 403


def test_every_framework_has_its_example() -> None:
    assert list(EXAMPLES) == ["FastAPI", "Starlette", "Flask", "Django"]
