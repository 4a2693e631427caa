"""What policy and lists leave out of a scan, read from where they stand."""

# A hook cannot afford pathlib, and paths of findings are raw bytes.
# ruff: noqa: PTH100, PTH109, PTH118

import os
from functools import cache
from typing import NamedTuple

from keyfuse_scanner.errors import KnownListInvalid
from keyfuse_scanner.known import NOTHING, Known, Scope, parse_known
from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.policy import Found, StrPath
from keyfuse_scanner.policy_files import content
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.suppression import Lists, Relative, Suppression


class InForce(NamedTuple):
    """What holds for a scan beside its rules.

    Attributes:
        lists: The lists of known secrets.
    """

    suppression: Suppression
    lists: Lists


def what_is_left_out(
    found: Found,
    *,
    baseline: str | None = None,
    of_files: bool = False,
    own_keys: bool = True,
) -> InForce:
    """Return what policy and lists leave out.

    Args:
        found: The policy.
        baseline: A baseline that the user named; it must be there.
        of_files: True where paths are those of the work tree, seen from here.
        own_keys: False where the repository has no say about keyfuse keys.

    Raises:
        KnownListInvalid: a list cannot be read.
    """
    policy = found.policy
    path = baseline or os.path.join(found.folder, policy.baseline)
    lists = Lists(
        ignored=read_known(os.path.join(found.folder, policy.ignore_file)),
        baseline=read_known(path, required=baseline is not None),
    )
    suppression = Suppression(
        policy.ignores,
        lists=lists,
        honoured=policy.honour,
        rule_ids=cache(lambda: _rule_ids(found)),
        relative=_relative_to(found.root) if of_files else lambda path: path,
        own_keys=own_keys,
    )
    return InForce(suppression, lists)


def read_known(path: StrPath, *, required: bool = False) -> Known:
    """Return the list in a file; an empty one where there is no file.

    Raises:
        KnownListInvalid: the file cannot be read, or is no list.
    """
    name = os.fspath(path)
    try:
        text = content(name).decode("utf-8")
    except FileNotFoundError:
        if not required:
            return NOTHING
        raise KnownListInvalid(
            f"{harmless(name)}: no such file; `keyfuse baseline create` makes one"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise KnownListInvalid(f"{harmless(name)}: {reason.lower()}") from None
    return parse_known(text, name)


def with_stale(result: ScanResult, lists: Lists, scope: Scope | None) -> ScanResult:
    """Return a result that names what stands in lists and was not found.

    Args:
        result: Of a scan with all rules.
        lists: The lists in force.
        scope: What the scan covered completely; None for a part. A baseline is judged by a scan
            of its own scope, and the ignore file, which has none, by one of history.
    """
    if scope is None or not result.complete:
        return result
    entries = {*lists.baseline.entries} if lists.baseline.scope == scope else set()
    if scope == "history":
        entries |= lists.ignored.entries.keys()
    return result._replace(stale=tuple(sorted(entries - result.known)))


def _rule_ids(found: Found) -> frozenset[str]:
    from keyfuse_scanner.rulebook import known_rules

    return frozenset(rule.rule_id for rule in known_rules(found.policy))


def _relative_to(root: str) -> Relative:
    """Return what turns a path as seen from here into one from the root of the policy."""
    here, base = os.fsencode(os.getcwd()), os.fsencode(os.path.abspath(root))
    inner = os.path.join(base, b"")

    def relative(path: bytes) -> bytes:
        whole = os.path.normpath(os.path.join(here, path))
        inside = os.path.relpath(whole, base) if whole.startswith(inner) else whole
        return inside.replace(os.sep.encode(), b"/")

    return relative
