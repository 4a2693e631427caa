"""Is everything in place? Each check looks at one thing and says what to do about it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from keyfuse_scanner import git, gitplaces
from keyfuse_scanner.errors import ScannerError
from keyfuse_scanner.git import Repository
from keyfuse_scanner.policy import Policy, find_policy
from keyfuse_scanner.printable import harmless

# `git fetch` and `git rev-parse` understand what we ask of them from here on.
GIT_FLOOR = (2, 31)
_TIMEOUT = 5.0
_FRAMEWORK = ".pre-commit-config.yaml"

State = Literal["ok", "note", "bad"]
Fetch = Callable[[str], int]


class Check(NamedTuple):
    """What was looked at.

    Attributes:
        name: Of the thing.
        state: `note` where keyfuse works all the same, `bad` where it does not.
        text: What is the case.
        advice: What to do; empty where nothing is to be done.
    """

    name: str
    state: State
    text: str
    advice: str = ""


def examine(
    directory: Path, environ: Mapping[str, str], service: str | None, fetch: Fetch | None = None
) -> Iterator[Check]:
    """Yield a check of each thing that scans and hooks need.

    Args:
        directory: Where the user is.
        environ: For the address of the service, where none is given.
        service: Address of the service; None for that of the environment.
        fetch: Returns the status of an HTTP answer, or raises OSError.
    """
    policy = _read_policy(directory)
    yield _git()
    yield from _engines()
    if isinstance(policy, Check):
        yield policy
    else:
        yield _policy(policy)
        yield _rules(policy)
    yield _hook(directory)
    address = service or environ.get("KEYFUSE_BASE_URL")
    if address:
        yield _service(address, fetch or _status)


def _git() -> Check:
    try:
        printed = git.run(Repository(), "version").decode("ascii", "replace").strip()
    except ScannerError as error:
        return Check("git", "bad", str(error), "install git")
    numbers = re.search(r"(\d+)\.(\d+)", printed)
    version = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    if version < GIT_FLOOR:
        floor = ".".join(map(str, GIT_FLOOR))
        return Check("git", "bad", harmless(printed), f"needs git {floor} or newer")
    return Check("git", "ok", harmless(printed))


def _engines() -> Iterator[Check]:
    """Yield what searches, inflates and applies deltas; without native code it is only slower."""
    from keyfuse_scanner.engine import engine_facts
    from keyfuse_scanner.objectstore import deltas, inflating

    facts = engine_facts()
    if facts.reason is None:
        yield Check("search", "ok", f"native, {facts.engine} {facts.version}")
    else:
        yield _slower("search", facts.reason, "hyperscan")
    for name, used, native in (
        ("inflate", inflating.NAME, "isal"),
        ("deltas", deltas.NAME, "dulwich"),
    ):
        if used == native:
            yield Check(name, "ok", f"native, {used}")
        else:
            yield _slower(name, f"{native} cannot be imported", native)


def _slower(name: str, reason: str, package: str) -> Check:
    advice = f"the same is found, slower; `pip install {package}` where there is a wheel for it"
    return Check(name, "note", harmless(f"not native: {reason}"), advice)


def _read_policy(directory: Path) -> Policy | Check:
    try:
        return find_policy(directory).policy
    except ScannerError as error:
        return Check("policy", "bad", str(error), "no scan runs before it is right")


def _policy(policy: Policy) -> Check:
    if policy.source is None:
        return Check("policy", "ok", "no keyfuse.toml here: all rules, nothing ignored")
    return Check("policy", "ok", harmless(policy.source))


def _rules(policy: Policy) -> Check:
    from keyfuse_scanner.rulebook import is_compiled, rules_in_force

    try:
        count = len(rules_in_force(policy))
    except ScannerError as error:
        return Check("rules", "bad", str(error), "no scan runs before they are right")
    if is_compiled(policy):
        return Check("rules", "ok", f"{count}, compiled and in the cache")
    return Check("rules", "note", f"{count}, not compiled yet", "the next scan compiles them once")


def _hook(directory: Path) -> Check:
    from keyfuse_scanner.hook_install import installed

    advice = "`keyfuse hook install` puts it there"
    repository = Repository(str(directory))
    try:
        hook = installed(repository)
        if hook is not None:
            return Check("hook", "ok", harmless(str(hook)))
        framework = _framework(repository)
    except ScannerError:
        return Check("hook", "note", "this is no repository", advice)
    return framework or Check("hook", "note", "none is installed in this repository", advice)


def _framework(repository: Repository) -> Check | None:
    """Return whether pre-commit or prek runs our hook; None where none of them is asked to."""
    root = git.run(repository, "rev-parse", "--show-toplevel").rstrip(b"\r\n")
    named = _text(Path(os.fsdecode(root)) / _FRAMEWORK)
    if re.search(r"^\s*- id: *[\"']?keyfuse\b", named, re.MULTILINE) is None:
        return None
    hook = gitplaces.hooks_directory(repository) / "pre-commit"
    if re.search(r"\bpre-commit\b|\bprek\b", _text(hook)):
        return Check("hook", "ok", f"{_FRAMEWORK} names it, and {harmless(str(hook))} runs that")
    text = f"{_FRAMEWORK} names it, but nothing runs that"
    return Check("hook", "note", text, "`pre-commit install`, or `prek install`")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def _service(address: str, fetch: Fetch) -> Check:
    shown = harmless(address)
    if not re.match(r"https?://[^/@]+", address):
        return Check("service", "bad", f"{shown}: no address", "write https://keys.example.com")
    try:
        status = fetch(address.rstrip("/") + "/healthz")
    except OSError as error:
        reason = harmless(str(getattr(error, "reason", None) or error))
        return Check("service", "bad", f"{shown}: {reason}", "is `keyfuse serve` running there?")
    if status == 200:  # noqa: PLR2004 - OK
        return Check("service", "ok", f"{shown} answers")
    return Check("service", "bad", f"{shown} answered {status}", "look into its log")


def _status(url: str) -> int:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 - http or https, checked
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code
