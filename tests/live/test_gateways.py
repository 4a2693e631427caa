"""The recipes of docs/gateways.md, run by real gateways in front of the real service."""

import http.client
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from keyfuse_store import KeyStore
from support.keys import make_key
from support.project import ROOT, fences
from support.service import running_service, service_environment

PAGE = (ROOT / "docs" / "gateways.md").read_text("utf-8")
SPOOFED = {"X-Keyfuse-Owner": "root@example.com", "X-Keyfuse-Require-Scopes": "a:b"}

Recipe = Callable[[Path, str], list[str]]


def nginx(folder: Path, recipe: str) -> list[str]:
    (folder / "recipe.conf").write_text(recipe)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; events {{}}"
        f" http {{ access_log off; {temporary} include {folder}/recipe.conf; }}"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, recipe: str) -> list[str]:
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + recipe)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def envoy(folder: Path, recipe: str) -> list[str]:
    (folder / "envoy.yaml").write_text(recipe)
    return ["envoy", "-c", str(folder / "envoy.yaml"), "--use-dynamic-base-id", "-l", "error"]


GATEWAYS: dict[str, tuple[str, Recipe]] = {
    "nginx": ("nginx", nginx),
    "caddy": ("caddyfile", caddy),
    "envoy": ("yaml", envoy),
}


class Upstream(ThreadingHTTPServer):
    """The service behind the gateway; remembers the headers of every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Remember)
        self.seen: list[dict[str, str]] = []


class Remember(BaseHTTPRequestHandler):
    server: Upstream

    def do_GET(self) -> None:
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]


class World(NamedTuple):
    """A store, the service on it, a gateway in front of another service."""

    store: KeyStore
    service: "subprocess.Popen[bytes]"
    upstream: Upstream
    port: int

    def get(self, path: str = "/invoices/7", **headers: str) -> Reply:
        """Ask the gateway, as a client at 127.0.0.2."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=10, source_address=("127.0.0.2", 0)
        )
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=given)
        response = connection.getresponse()
        response.read()
        connection.close()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()})

    def issue(self, *scopes: str, **options: Any) -> str:
        issued = self.store.issue(
            prefix="acme_live", owner="owner@example.com", scopes=scopes, **options
        )
        return issued.token.reveal()


@pytest.fixture(params=GATEWAYS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The gateway of this run, or a skip that says why there is none."""
    name = request.param
    language, prepare = GATEWAYS[name]
    service_port, gateway_port = free_port(), free_port()
    environment = service_environment(tmp_path / "home", KEYFUSE_TRUSTED_PROXIES="127.0.0.1")
    upstream = Upstream()
    (recipe,) = fences(PAGE, language)
    ports = {"8787": service_port, "9000": upstream.server_port, "8080": gateway_port}
    actual = re.sub(r"\b(8787|9000|8080)\b", lambda found: str(ports[found[0]]), recipe)
    command = prepare(tmp_path, actual)
    program = find_program(command[0])
    if program is None:
        pytest.skip(f"{name} is not installed")
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    with (
        running_service(service_port, environment, tmp_path / "service.log") as service,
        KeyStore.open(
            f"sqlite:///{tmp_path}/home/keyfuse.db", peppers=(tmp_path / "home/peppers").read_text()
        ) as store,
        running([program, *command[1:]], gateway_port, tmp_path / "gateway.log"),
    ):
        yield World(store, service, upstream, gateway_port)
    upstream.shutdown()
    upstream.server_close()


def find_program(name: str) -> str | None:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, log.read_text("utf-8", "replace")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_a_recipe(world: World) -> None:
    """One start of everything, then each case in turn: gateways are slow to start."""
    token = world.issue("invoices:read")
    passes_without_the_key(world, token)
    turns_away(world, token)
    says_when_to_come_back(world)
    looks_at_the_address_of_the_client(world)
    lets_nobody_through_when_the_service_is_down(world, token)


def passes_without_the_key(world: World, token: str) -> None:
    (key,) = world.store.match([token])
    assert key is not None
    for headers in ({"Authorization": f"Bearer {token}"}, {"X_API_Key": token}):
        assert world.get(**headers, **SPOOFED).status == 200
        seen = world.upstream.seen.pop()
        assert seen["x-keyfuse-key-id"] == key.id
        assert seen["x-keyfuse-owner"] == "owner@example.com"
        assert seen["x-keyfuse-scopes"] == "invoices:read"
        assert not {"authorization", "x-api-key"} & set(seen)
        assert token not in str(seen)
        assert "a:b" not in str(seen)


def turns_away(world: World, token: str) -> None:
    revoked = world.issue("invoices:read")
    (key,) = world.store.match([revoked])
    assert key is not None
    world.store.revoke(key.id, reason="leaked")
    for headers, status, error in (
        ({}, 401, None),
        ({"Authorization": "Bearer x"}, 401, "invalid_token"),
        ({"Authorization": f"Bearer {make_key().reveal()}"}, 401, "invalid_token"),
        ({"Authorization": f"Bearer {revoked}"}, 401, "invalid_token"),
        ({"Authorization": f"Bearer {token}", "X_API_Key": token}, 401, "invalid_request"),
        ({"Authorization": f"Bearer {world.issue('users:read')}"}, 403, None),
    ):
        reply = world.get(**headers)
        assert reply.status == status
        if status == 401:
            challenge = reply.headers["www-authenticate"]
            assert challenge.startswith('Bearer realm="api"')
            assert error is None or f'error="{error}"' in challenge
    in_url = world.get(f"/invoices/7?access_token={token}", Authorization=f"Bearer {token}")
    assert in_url.status == 401
    assert world.get("/other", Authorization=f"Bearer {token}").status in {403, 404}
    assert world.upstream.seen == []


def says_when_to_come_back(world: World) -> None:
    limited = {"Authorization": f"Bearer {world.issue('invoices:read', rate_limit='1/day')}"}
    assert world.get(**limited).status == 200
    reply = world.get(**limited)
    assert reply.status == 429
    assert 86_000 < int(reply.headers["retry-after"]) <= 86_400
    assert len(world.upstream.seen) == 1
    world.upstream.seen.clear()


def looks_at_the_address_of_the_client(world: World) -> None:
    here = {"Authorization": f"Bearer {world.issue('invoices:read', addresses=['127.0.0.2'])}"}
    assert world.get(**here).status == 200
    there = {"Authorization": f"Bearer {world.issue('invoices:read', addresses=['203.0.113.7'])}"}
    assert world.get(**there, X_Forwarded_For="203.0.113.7").status == 403
    world.upstream.seen.clear()


def lets_nobody_through_when_the_service_is_down(world: World, token: str) -> None:
    world.service.terminate()
    world.service.wait(20)
    reply = world.get(Authorization=f"Bearer {token}")
    assert reply.status in {403, 502, 503}
    assert world.upstream.seen == []
