"""Make a virtual environment with keyfuse, its server half and the development tools in it.

Needs the standard library alone, and the network only when there is something to install: a stamp
in the folder says for which Python and which requirements it was made. Whatever goes wrong is one
line on standard error; what pip had to say is kept beside the folder, in FOLDER.log.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP_FLOOR = (25, 1)  # the first that reads [dependency-groups], PEP 735

# What pip, urllib3 and OpenSSL say when no package index can be reached.
NO_NETWORK = (
    "NameResolutionError",
    "NewConnectionError",
    "Failed to establish a new connection",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Connection refused",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "ProxyError",
    "(from versions: none)",  # the same with retries switched off: the index page was not to be had
)


class Refused(Exception):
    """This machine cannot make the environment; the message is the line to show."""


def main(arguments: list[str]) -> int:
    """Make or refresh the environment and return the exit code."""
    folder = ROOT / (arguments[0] if arguments else ".venv")
    try:
        require_venv()
        make(folder)
    except Refused as refusal:
        return complain(str(refusal), 2)
    except OSError as error:
        return complain(f"cannot make {folder}: {error}", 2)
    except KeyboardInterrupt:
        return complain("interrupted; the next run goes on", 130)
    return 0


def require_venv() -> None:
    """Refuse a Python that came without the parts to make an environment, as Debian's does."""
    for module in ("venv", "ensurepip"):
        if find_spec(module) is None:
            version = ".".join(platform.python_version_tuple()[:2])
            raise Refused(
                f"{sys.executable} has no module {module} and cannot make a virtual environment;"
                f" on Debian and Ubuntu: apt install python{version}-venv"
            )


def make(folder: Path) -> None:
    """Bring the environment to what pyproject.toml asks for; nothing to do when it is there."""
    stamp, python = folder / "keyfuse-stamp", folder / "bin" / "python"
    log = folder.with_name(folder.name + ".log")
    wanted = [interpreter(), requirements()]
    made_for = stamp.read_text().splitlines() if stamp.exists() and python.exists() else []
    if made_for == wanted:
        return
    log.unlink(missing_ok=True)
    if made_for[:1] != wanted[:1]:
        say(f"making {folder} with Python {platform.python_version()}")
        command = [sys.executable, "-m", "venv", "--clear", str(folder)]
        run(command, log, "no virtual environment")
    say("installing keyfuse and its development tools (the one step that needs the network)")
    if pip_version(python) < PIP_FLOOR:
        pip(python, log, "--upgrade", f"pip>={'.'.join(map(str, PIP_FLOOR))}")
    pip(python, log, "--editable", f"{ROOT}[server]", "--group", f"{ROOT}/pyproject.toml:dev")
    stamp.write_text("\n".join(wanted) + "\n")
    log.unlink(missing_ok=True)


def interpreter() -> str:
    """Name the Python and the place an environment is bound to; another one needs a new one."""
    return f"{platform.python_version()} {sys.base_prefix} {ROOT}"


def requirements() -> str:
    """Hash what decides what gets installed; the settings of linters in the same file do not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [project[name] for name in ("build-system", "project", "dependency-groups")]
    parts.append(project["tool"]["hatch"])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def pip_version(python: Path) -> tuple[int, ...]:
    """Return the version of the environment's own pip, as far as PIP_FLOOR asks."""
    said = subprocess.run(
        [python, "-m", "pip", "--version"], env=surroundings(), capture_output=True, check=False
    )
    if said.returncode != 0:
        return (0, 0)  # installing with it will fail too, and tell why
    return tuple(int(part) for part in said.stdout.split()[1].split(b".")[:2])


def pip(python: Path, log: Path, *what: str) -> None:
    """Install with the environment's own pip."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *what]
    run(command, log, "pip could not install what is needed")


def run(command: list[str], log: Path, failure: str) -> None:
    """Run a step with its output in the log; one that fails is told in one line."""
    with log.open("ab") as file:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=surroundings(),
            check=False,
        )
    if done.returncode == 0:
        return
    said = log.read_text(encoding="utf-8", errors="replace")
    if any(sign in said for sign in NO_NETWORK):
        failure = "no package index can be reached, and the first run needs one"
    else:
        lines = [line for line in said.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")]
        failure = ": ".join([failure, *(errors or lines)[-1:]])
    raise Refused(f"{failure} (details: {log})")


def surroundings() -> dict[str, str]:
    """Leave out what a user may have set that sends pip's work elsewhere."""
    elsewhere = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return kept | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}


def complain(what: str, code: int) -> int:
    """Write one line to standard error and hand the exit code on."""
    print(f"keyfuse: {what}", file=sys.stderr)
    return code


def say(what: str) -> None:
    """Tell which step is under way."""
    print(f"keyfuse: {what}", flush=True)
