"""What a user installs: a real build holds the four packages, whole, and nothing else."""

import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from support.project import PACKAGES, PYPROJECT, ROOT

SOURCES = {package: ROOT / package.removeprefix("keyfuse_") / package for package in PACKAGES}

pytestmark = pytest.mark.skipif(
    not all(folder.exists() for folder in SOURCES.values()),
    reason="the sources were taken away to test the installed wheel",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    # hatchling is among the development tools, so that building needs no network.
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--wheel-dir"]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    assert built.name.endswith("-py3-none-any.whl")
    return ZipFile(built)


def information(wheel: ZipFile, name: str) -> str:
    (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_it_holds_the_four_packages_and_nothing_else(wheel: ZipFile) -> None:
    tops = {Path(name).parts[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert len(tops) == len(PACKAGES) + 1


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_in_it(wheel: ZipFile, package: str) -> None:
    folder = SOURCES[package]
    there = {
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if name.startswith(package + "/")}
    assert packed == there
    assert f"{package}/py.typed" in packed


def test_the_licence_is_in_it(wheel: ZipFile) -> None:
    assert information(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in information(wheel, "licenses/LICENSE")


def test_the_scanner_alone_needs_no_server_library(wheel: ZipFile) -> None:
    metadata = Parser().parsestr(information(wheel, "METADATA"))
    needed = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    # As requirements, since builders write the same one in different ways.
    asked = PYPROJECT["project"]["dependencies"]
    assert {Requirement(each) for each in needed} == {Requirement(each) for each in asked}
    server = PYPROJECT["project"]["optional-dependencies"]["server"]
    assert names(needed).isdisjoint(names(server))
    assert metadata.get_all("Provides-Extra") == ["server"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", requirement)[0] for requirement in requirements}


def test_it_installs_one_command(wheel: ZipFile) -> None:
    scripts = PYPROJECT["project"]["scripts"]
    expected = "[console_scripts]\n" + "".join(f"{a} = {b}\n" for a, b in scripts.items())
    assert information(wheel, "entry_points.txt") == expected
