"""Where the project's own files are, for the tests that hold it to its documents."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = tuple(PYPROJECT["tool"]["coverage"]["run"]["source_pkgs"])
KEYFUSE = Path(sys.executable).parent / "keyfuse"


class Module(NamedTuple):
    """One module of ours: its dotted name, its package and its source as a tree."""

    name: str
    package: str
    tree: ast.Module


def modules() -> Iterator[Module]:
    """Yield every module of the four packages from where they are installed."""
    for package in PACKAGES:
        folder = package_folder(package)
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            name = ".".join(part for part in parts if part != "__init__")
            yield Module(name, package, ast.parse(path.read_text(encoding="utf-8"), str(path)))


def package_folder(package: str) -> Path:
    """Return the folder a package is imported from: its sources, or an installed wheel's."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None, f"{package} has no __init__.py"
    return Path(spec.origin).parent


def documents() -> list[Path]:
    """Return the Markdown files a reader may follow."""
    folders = (ROOT, ROOT / "docs", *(ROOT / name.removeprefix("keyfuse_") for name in PACKAGES))
    return [path for folder in folders for path in sorted(folder.glob("*.md"))]


def fences(text: str, language: str) -> Iterator[str]:
    """Yield the fenced blocks of one language in a Markdown text."""
    for block in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield block[1]
