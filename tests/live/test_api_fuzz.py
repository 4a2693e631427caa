"""schemathesis against the running service: 200 examples and more of every documented operation.

Each operation has a management key of its own, for what is tried out may well revoke it. Keys in
the wrong place are left to `test_permissions`: the guard slows down whoever sends them.
"""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook.management.openapi import document
from support.service import running_service, service_environment

# Gateways get an answer to every method there, and a key is burnt whatever else its report says.
UNCHECKED = {"authorize": "unsupported_method", "reportLeak": "negative_data_rejection"}
# What has the right form and is not acceptable all the same is documented as 422, and so on.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 422, 429]
"""
CONFIGURED = ("--config-file", "schemathesis.toml")
NAMES = sorted(
    operation["operationId"]
    for methods in document()["paths"].values()
    for operation in methods.values()
)


class Server(NamedTuple):
    """A running service, and the store that it stands on."""

    address: str
    folder: Path
    store: KeyStore


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("planted-fuzz")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = service_environment(folder, KEYFUSE_MANAGEMENT_RATE="100000000/minute")
    with (
        KeyStore.open(settings=Settings.load({"KEYFUSE_HOME": str(folder)})) as store,
        running_service(port, environment, folder / "log"),
    ):
        address = f"http://127.0.0.1:{port}"
        (folder / "schemathesis.toml").write_text(CONFIG)
        (folder / "openapi.json").write_text(json.dumps(_open(address)))
        yield Server(address, folder, store)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_sent_gets_an_answer_that_is_not_documented(
    server: Server, name: str
) -> None:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("schemathesis is not installed")
    token = server.store.issue(
        prefix="keyfuse_root", owner="root@example.com", scopes=["keyfuse:admin"], admin=True
    ).token.reveal()
    which = ["--url", server.address, "--include-operation-id", name]
    much = ["--max-examples", "200", "--phases", "examples,coverage,fuzzing"]
    asking = ["-H", f"Authorization: Bearer {token}"]
    if name in UNCHECKED:
        asking += ["--exclude-checks", UNCHECKED[name]]
    run = subprocess.run(
        [program, *CONFIGURED, "run", "openapi.json", *which, *much, *asking],
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout.replace(token, "…")
    assert "Traceback" not in (server.folder / "log").read_text("utf-8", "replace")


def _open(address: str) -> dict[str, Any]:
    """The served document without what it says about keys: they are given on the command line."""
    found: dict[str, Any] = httpx.get(f"{address}/openapi.json", trust_env=False).json()
    del found["security"], found["components"]["securitySchemes"]
    for methods in found["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    return found
