"""What a repository says about its own scans: `keyfuse.toml`, or `[tool.keyfuse]`.

Settings of the service do not belong there: whoever can push to a repository must not be able to
turn them.
"""

# A hook cannot afford pathlib.
# ruff: noqa: PTH120

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from keyfuse_rules.model import Severity
from keyfuse_scanner.errors import PolicyError
from keyfuse_scanner.policy_fields import FIELDS, Ignore
from keyfuse_scanner.policy_files import (
    BASELINE,
    IGNORE_FILE,
    PolicyFile,
    Settings,
    folders,
    keep,
    kept,
    policy_file,
    policy_files,
    root,
)
from keyfuse_scanner.printable import harmless

StrPath = str | os.PathLike[str]


class Policy(NamedTuple):
    """How to scan, unless the command line says otherwise.

    Files are named from the folder of the policy.

    Attributes:
        source: The file that says so; None where there is none.
        only: Ids of the rules to use; empty for all.
        fail_on: The least severity that makes a scan fail.
        max_file_size: Bytes above which a file is left out and said to be.
        rules: Tables of rules of its own, and changes to ours, as a rule file has them.
        rule_files: Rule files and folders of them.
        rule_set: Which rules are on.
        disabled: Ids of rules that are off.
        ignores: What does not count.
        ignore_file: List of fingerprints that do not count, written by hand.
        baseline: List of fingerprints that were known before.
        honour: Other scanners whose comments count.
        own_rule: False where none of that changes how keyfuse keys are found. No setting.
    """

    source: str | None = None
    only: tuple[str, ...] = ()
    fail_on: Severity = Severity.LOW
    max_file_size: int | None = None
    rules: tuple[Mapping[str, Any], ...] = ()
    rule_files: tuple[str, ...] = ()
    rule_set: str = "default"
    disabled: tuple[str, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    ignore_file: str = IGNORE_FILE
    baseline: str = BASELINE
    honour: tuple[str, ...] = ()
    own_rule: bool = True


SETTINGS = tuple(FIELDS)


class Found(NamedTuple):
    """A policy and where it is from.

    Attributes:
        folder: From where it names files.
        root: From where it names what is scanned.
    """

    policy: Policy
    folder: str
    root: str


def load_policy(directory: StrPath, config: StrPath | None = None) -> Policy:
    """Return the policy in force in a directory; see `find_policy`."""
    return find_policy(directory, config).policy


def find_policy(directory: StrPath, config: StrPath | None = None, *, cache: bool = True) -> Found:
    """Return the policy in force in a directory, and where it is from.

    Args:
        directory: Where the user is; the files are looked for here and in the folders above, up to
            the one that is a repository.
        config: A file the user named: a `keyfuse.toml`, or a `pyproject.toml`.
        cache: Use what was parsed before, and keep what is parsed now.

    Raises:
        PolicyError: the file cannot be read, is no TOML, or has an unknown or wrong setting.
    """
    places = folders(os.fspath(directory))
    top = root(places)
    if config is not None:
        path = os.fspath(config)
        return Found(_named(path, cache=cache), os.path.dirname(path), top)
    for place in places:
        if (policy := _in_folder(place, cache=cache)) is not None:
            return Found(policy, place, place)
    return Found(Policy(), top, top)


def _in_folder(folder: str, *, cache: bool) -> Policy | None:
    try:
        policies = (_policy(file, cache=cache) for file in policy_files(folder))
        return next((policy for policy in policies if policy is not None), None)
    except OSError as error:
        raise _unreadable(error.filename, error) from None


def _named(path: str, *, cache: bool) -> Policy:
    try:
        file = policy_file(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    return _policy(file, cache=cache) or Policy()


def _unreadable(path: str, error: OSError) -> PolicyError:
    return PolicyError(f"{harmless(path)}: {(error.strerror or 'cannot be read').lower()}")


def _policy(file: PolicyFile, *, cache: bool) -> Policy | None:
    """Return the policy in a file, or None where there is nothing for us in it."""
    known = kept(file) if cache else None
    if known is None:
        policy = _parsed(file)
        if cache:
            keep(file, None if policy is None else _settings(policy))
        return policy
    return None if known.settings is None else _restored(file.path, known.settings)


def _parsed(file: PolicyFile) -> Policy | None:
    import tomllib

    try:
        document = tomllib.loads(file.raw.decode("utf-8"))
    except ValueError as error:
        raise PolicyError(f"{harmless(file.path)}: {harmless(str(error))}") from None
    except RecursionError:
        raise PolicyError(f"{harmless(file.path)}: is nested too deeply") from None
    table = _of_project(document) if file.is_project else document
    if table is not None and not isinstance(table, dict):
        raise PolicyError(f"{harmless(file.path)}: [tool.keyfuse] must be a table")
    return None if table is None else parse_policy(table, file.path)


def _of_project(document: Mapping[str, Any]) -> object:
    tool = document.get("tool")
    return tool.get("keyfuse") if isinstance(tool, dict) else None


def _settings(policy: Policy) -> Settings:
    """Return what a policy says beyond the defaults, in plain values."""
    default = Policy()
    said = {
        name: value
        for name, value in policy._asdict().items()
        if name in SETTINGS and value != getattr(default, name)
    }
    if "fail_on" in said:
        said["fail_on"] = int(policy.fail_on)
    if "ignores" in said:
        said["ignores"] = tuple(tuple(ignore) for ignore in policy.ignores)
    return said


def _restored(path: str, settings: Settings) -> Policy:
    policy = Policy(source=path)._replace(**settings)
    ignores = tuple(Ignore._make(fields) for fields in policy.ignores)
    return policy._replace(fail_on=Severity(policy.fail_on), ignores=ignores)


def parse_policy(table: Mapping[str, object], path: str) -> Policy:
    """Return the policy that a table of settings says.

    Args:
        table: The settings.
        path: Where they stand, for messages.

    Raises:
        PolicyError: a setting is unknown or wrong.
    """
    policy = Policy(source=path)
    for name, value in table.items():
        where = f"{harmless(path)}: {harmless(name)}"
        field = name.replace("-", "_")
        if field not in SETTINGS:
            raise _refusal(field, where)
        try:
            policy = policy._replace(**{field: FIELDS[field](value)})
        except ValueError as error:
            raise PolicyError(f"{where}: {harmless(str(error))}") from None
    return policy


def _refusal(field: str, where: str) -> PolicyError:
    from keyfuse_scanner.service_settings import SERVICE_SETTINGS

    if field in SERVICE_SETTINGS:
        return PolicyError(
            f"{where} is a setting of the service; put it in the file that KEYFUSE_CONFIG"
            " names, outside the repository"
        )
    return PolicyError(f"{where} is no setting; there are {', '.join(SETTINGS)}")
