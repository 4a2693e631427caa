"""The layers of pyproject.toml, held for what a string can import as well."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from support.project import PACKAGES, PYPROJECT, Module, modules

COMMANDS = "keyfuse_scanner.commands"  # the one place that may name a higher layer, lazily
IMPORT_BY_NAME = {
    "keyfuse_scanner.cli": "resolves the targets of that table",
    "keyfuse_scanner.reports": "loads one report of its own package, for the hook's start-up",
}
STRING_IMPORTS = {
    "__import__",
    "import_module",
    "load_module",
    "resolve_name",
    "run_module",
    "spec_from_file_location",
}
OURS = re.compile(r"\bkeyfuse_[a-z]+\b(?![\\/])")
TARGET = re.compile(r"keyfuse_\w+(?:\.\w+)*:\w+(?:\.\w+)*")


def layers() -> list[set[str]]:
    """Return the layers, highest first, as the import-linter contract names them."""
    (contract,) = PYPROJECT["tool"]["importlinter"]["contracts"]
    return [{name.strip() for name in layer.split("|")} for layer in contract["layers"]]


def forbidden(package: str) -> set[str]:
    """Return the packages that `package` may not name: siblings and everything above."""
    rank = next(number for number, layer in enumerate(layers()) if package in layer)
    return set().union(*layers()[: rank + 1]) - {package}


def strings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the strings a program works with and their lines; docstrings are prose."""
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value, node.lineno


def names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every name, attribute and imported name with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.name, node.lineno) for alias in node.names)


def layer_breaks(module: Module) -> list[str]:
    """Return what a module names in strings that its layer may not import."""
    banned = forbidden(module.package)
    return [
        f"{module.name}:{line}: {text!r}"
        for text, line in strings(module.tree)
        if banned & set(OURS.findall(text))
    ]


def string_imports(module: Module) -> list[str]:
    """Return where a module imports by a name that no import checker sees."""
    return [
        f"{module.name}:{line}: {name}"
        for name, line in names(module.tree)
        if name in STRING_IMPORTS
    ]


def lazy_commands() -> list[str]:
    """Return the module:attribute targets of the table of lazily loaded commands."""
    tree = next(module.tree for module in modules() if module.name == COMMANDS)
    return sorted({text for text, _ in strings(tree) if TARGET.fullmatch(text)})


def test_every_package_has_its_layer() -> None:
    assert sorted(set().union(*layers())) == sorted(PACKAGES)


def test_no_module_names_a_higher_layer_or_a_sibling_in_a_string() -> None:
    breaks = [found for each in modules() if each.name != COMMANDS for found in layer_breaks(each)]
    assert breaks == []


def test_only_the_modules_with_a_reason_import_by_name() -> None:
    importing = {each.name for each in modules() if string_imports(each)}
    assert importing == set(IMPORT_BY_NAME)


def test_every_lazily_loaded_command_exists() -> None:
    assert lazy_commands(), "the table of lazily loaded commands is empty"
    for target in lazy_commands():
        module, _, attribute = target.partition(":")
        found = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
        assert callable(found), target


@pytest.mark.parametrize(
    ("package", "source", "breaks"),
    [
        ("keyfuse_rules", "name = 'keyfuse_store.cli'", 1),
        ("keyfuse_rules", "name = f'{1}keyfuse_webhook.app'", 1),
        ("keyfuse_scanner", "run('keyfuse_store.cli:keys')", 1),
        ("keyfuse_scanner", "'''Prose about keyfuse_store.'''\nrules = 'keyfuse_rules.pack'", 0),
        ("keyfuse_webhook", "name = 'keyfuse_store'", 0),
    ],
)
def test_the_check_sees_a_name_in_a_string(package: str, source: str, breaks: int) -> None:
    assert len(layer_breaks(Module(package, package, ast.parse(source)))) == breaks


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module('x')",
        "from importlib import import_module as load",
        "load = __import__",
        "import pkgutil\npkgutil.resolve_name('x')",
    ],
)
def test_the_check_sees_an_import_by_name(source: str) -> None:
    module = Module("keyfuse_rules", "keyfuse_rules", ast.parse(source))
    assert len(string_imports(module)) == 1
