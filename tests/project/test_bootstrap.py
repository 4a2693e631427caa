"""`make demo` and `make test` on machines that lack something: one line, no traceback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.project import ROOT

BOOTSTRAP = ROOT / ".ci" / "bootstrap.py"
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
NOWHERE = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_FIND_LINKS": "",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_RETRIES": "0",
}


def bootstrap(
    folder: Path, *, python: str = sys.executable, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as make does."""
    return subprocess.run(
        [python, str(BOOTSTRAP), str(folder)],
        env=dict(os.environ) | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the complaint, which has to be a single line with the exit code of a wrong usage."""
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert line.startswith("keyfuse: ")
    return line


@pytest.mark.parametrize("version", ["2.7.18", "3.6.15", "3.9.18", "3.10.13"])
def test_a_python_that_is_too_old_is_told_so(version: str, tmp_path: Path) -> None:
    python = PYENV / version / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no Python {version} on this machine")
    line = one_line(bootstrap(tmp_path / "venv", python=str(python)))
    assert "needs Python 3.11 or newer" in line
    assert version in line
    assert "make PYTHON=" in line
    assert not (tmp_path / "venv").exists()


def test_the_entry_is_readable_for_a_python_of_long_ago() -> None:
    source = BOOTSTRAP.read_text()
    assert source.isascii()  # Python 2 reads nothing else without a declaration
    compile(source, str(BOOTSTRAP), "exec", dont_inherit=True)
    for newer in ("f'", 'f"', ":=", "print(", "->", "nonlocal", "async "):
        assert newer not in source, newer


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_a_part_names_the_package_to_install(module: str, tmp_path: Path) -> None:
    blind = tmp_path / "blind"
    blind.mkdir()
    (blind / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        f"util.find_spec = lambda name, *rest: None if name == {module!r} else find(name, *rest)\n"
    )
    line = one_line(bootstrap(tmp_path / "venv", PYTHONPATH=str(blind)))
    assert f"no module {module}" in line
    assert "apt install python3" in line


def test_without_a_network_the_first_run_says_what_it_needs(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    line = one_line(bootstrap(folder, **NOWHERE))
    assert "no package index can be reached" in line
    assert str(folder) + ".log" in line
    assert not (folder / "keyfuse-stamp").exists()  # so the next run tries again


def test_a_refused_package_is_told_in_pips_own_words(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.txt")
    line = one_line(bootstrap(tmp_path / "venv", **NOWHERE, PIP_CONSTRAINT=absent))
    assert "pip could not install what is needed: ERROR: " in line
    assert absent in line


def test_a_folder_that_cannot_be_made_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = one_line(bootstrap(tmp_path / "file" / "venv"))
    assert "cannot make" in line


def test_a_second_run_needs_no_network_and_says_nothing(tmp_path: Path) -> None:
    made = stamped_environment(tmp_path)
    done = bootstrap(made, **NOWHERE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_another_python_makes_a_new_environment(tmp_path: Path) -> None:
    made = stamped_environment(tmp_path)
    stamp = made / "keyfuse-stamp"
    stamp.write_text(stamp.read_text().replace("3.", "2.", 1))
    done = bootstrap(made, **NOWHERE)
    assert done.returncode == 2
    assert f"making {made} with Python 3." in done.stdout


def test_changed_requirements_install_again_without_a_new_environment(tmp_path: Path) -> None:
    made = stamped_environment(tmp_path)
    stamp = made / "keyfuse-stamp"
    stamp.write_text(stamp.read_text()[:-2] + "\n")
    done = bootstrap(made, **NOWHERE)
    assert "installing keyfuse" in done.stdout
    assert "making" not in done.stdout


def stamped_environment(tmp_path: Path) -> Path:
    """Return an environment that says of itself that it is complete; its pip is a stand-in."""
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    wanted = (
        "import environment; print(environment.interpreter()); print(environment.requirements())"
    )
    said = subprocess.run(
        [sys.executable, "-B", "-c", wanted],
        cwd=BOOTSTRAP.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / "keyfuse-stamp").write_text(said.stdout)
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Return a folder to use as the whole PATH, with no more than a shell in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "env"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def make(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make with a PATH of one folder, as if no make ran this test."""
    program = shutil.which("make")
    if program is None:
        pytest.skip("no make on this machine")
    variables = ("MAKE", "PYTHON", "VENV", "TESTS", "DEMO")  # make hands on what it was given
    outside = {name: value for name, value in os.environ.items() if not name.startswith(variables)}
    return subprocess.run(
        [program, "--no-print-directory", *arguments],
        cwd=ROOT,
        env=outside | {"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_without_python_says_what_to_install(bare: Path) -> None:
    done = make(bare, "venv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("keyfuse: there is no python3; install Python")


def test_make_without_git_says_so(bare: Path) -> None:
    (bare / "python3").symlink_to(sys.executable)
    done = make(bare, "venv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "keyfuse: there is no git; install it first"


def test_make_takes_another_python(bare: Path) -> None:
    (bare / "git").symlink_to(shutil.which("git") or "git")
    done = make(bare, "venv", "PYTHON=python3.99")
    assert "there is no python3.99" in done.stderr
