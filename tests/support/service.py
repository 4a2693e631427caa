"""The real service in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SERVE = [sys.executable, "-m", "keyfuse_scanner", "serve"]


def service_environment(home: Path, **settings: str) -> dict[str, str]:
    """The test's environment with these settings of the service and no others."""
    return dict(os.environ) | {"KEYFUSE_HOME": str(home)} | settings


def start_service(
    port: int, environment: dict[str, str], log: Path, *options: str
) -> "subprocess.Popen[bytes]":
    """Start `keyfuse serve` and wait until it is ready to serve."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*SERVE, "--port", str(port), *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                return process
        except httpx.TransportError:
            time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError(f"the service did not start:\n{log.read_text('utf-8', 'replace')}")


def start_worker(
    environment: dict[str, str], log: Path, *options: str
) -> "subprocess.Popen[bytes]":
    """Start `keyfuse worker`; it may not have begun yet."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "keyfuse_scanner", "worker", *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


@contextmanager
def running_worker(environment: dict[str, str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A worker that is told to end when the block does."""
    process = start_worker(environment, log)
    try:
        yield process
    finally:
        end(process)


@contextmanager
def running_service(
    port: int, environment: dict[str, str], log: Path, *options: str
) -> "Iterator[subprocess.Popen[bytes]]":
    """A service that is told to end when the block does."""
    process = start_service(port, environment, log, *options)
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Tell a process to end, and see that it does."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
