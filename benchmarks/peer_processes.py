"""Peers, each in a scratch environment of its own; they answer a line with a line of JSON."""

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from rounds import Run

_SCRIPTS = Path(__file__).with_name("peers")


class PeerMissing(Exception):
    """A peer cannot be installed here."""


class Peer:
    """A peer that waits for orders."""

    def __init__(self, folder: Path, script: str, *arguments: str) -> None:
        home = folder / script
        home.mkdir()
        self._process = subprocess.Popen(
            [_python(folder, script), _SCRIPTS / f"{script}.py", home, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready: dict[str, Any] = self._read()

    def ask(self, order: str) -> dict[str, Any]:
        """Give an order and wait for its answer."""
        assert self._process.stdin is not None
        print(order, file=self._process.stdin, flush=True)
        return self._read()

    def run(self, order: str) -> Run:
        """An order that is answered with how long it took."""
        return Run(**self.ask(order))

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerMissing("it does not start; its own message stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _python(folder: Path, script: str) -> Path:
    """An environment with what the script needs, made in the folder."""
    place = folder / f"{script}-environment"
    print(f"installing {_PACKAGES[script][0]} …", file=sys.stderr)
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    command = [python, "-m", "pip", "install", "-q", *_PACKAGES[script]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerMissing(f"pip install {' '.join(_PACKAGES[script])} failed")
    return python


_PACKAGES = {
    "drf_api_key": ("djangorestframework-api-key", "djangorestframework"),
    "keyshield_service": ("keyshield[core]", "aiosqlite", "greenlet"),
}
