"""What git knows of a repository beside its objects: its settings, and where its parts are."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository, run


def hooks_directory(repository: Repository) -> Path:
    """Return where git looks for hooks; core.hooksPath is respected."""
    path = _line(run(repository, "rev-parse", "--git-path", "hooks", flags=()))
    return Path(repository.directory or ".", path).absolute()


def setting(repository: Repository, name: str) -> tuple[str, str] | None:
    """Return scope (`local`, `global`, …) and value of a git setting, or None where it is unset."""
    try:
        printed = run(repository, "config", "--show-scope", "--null", "--get", name, flags=())
    except GitFailed:
        return None
    scope, value, *_ = printed.decode("utf-8", "surrogateescape").split("\0")
    return scope, value


def global_setting(name: str) -> str | None:
    """Return a setting of the user's own git configuration, or None where it is unset."""
    try:
        return _line(run(Repository(), "config", "--global", "--get", name, flags=()))
    except GitFailed:
        return None


def set_global(name: str, value: str | None) -> None:
    """Change the user's own git configuration; None takes the setting away."""
    change = ["--unset", name] if value is None else [name, value]
    run(Repository(), "config", "--global", *change, flags=())


def location(repository: Repository, name: str) -> Path:
    """Return the path of a file in the repository's own directory, such as `MERGE_HEAD`."""
    path = _line(run(repository, "rev-parse", "--git-path", name))
    return Path(repository.directory or ".", path)


class Layout(NamedTuple):
    """Where the parts of a repository are.

    Attributes:
        objects: Its object directory.
        shallow: The file with the commits at which a shallow clone ends.
        common: What all of its work trees share.
        borrowed: More object directories, as the environment has them (git(1)).
    """

    objects: Path
    shallow: Path
    common: Path
    borrowed: tuple[Path, ...] = ()


def layout(repository: Repository) -> Layout:
    """Return where the parts of a repository are."""
    asked = (("--git-path", "objects"), ("--git-path", "shallow"), ("--git-common-dir",))
    lines = run(repository, "rev-parse", *(word for words in asked for word in words))
    paths = lines.rstrip(b"\r\n").split(b"\n")
    if len(paths) != len(asked):  # a path with a line break in it
        paths = [run(repository, "rev-parse", *words) for words in asked]
    objects, shallow, common = (Path(repository.directory or ".", _line(path)) for path in paths)
    return Layout(objects, shallow, common, _borrowed(repository, os.environ))


def _borrowed(repository: Repository, environ: Mapping[str, str]) -> tuple[Path, ...]:
    if repository.directory is not None:
        return ()  # what the environment says is not for a repository that the user names
    listed = environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "")
    return tuple(Path(each) for each in listed.split(os.pathsep) if each)


def _line(printed: bytes) -> str:
    return os.fsdecode(printed.rstrip(b"\r\n"))
