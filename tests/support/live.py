"""Programs of others for the live suite; what is not installed skips a test, and says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

_NODE = Path(sys.executable).parent.parent / "live-node" / "node_modules"


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


def program(name: str) -> str:
    """Return a program, from beside our Python or the search path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or pytest.skip(f"there is no {name}")


def node(pattern: str) -> Path:
    """Return a file that npm installed."""
    found = next(_NODE.glob(pattern), None)
    return found or pytest.skip(f"npm did not install {pattern}")
