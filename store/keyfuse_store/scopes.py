"""Scopes: `resource:action`, either part `*`, optionally held to one resource with `@name`.

The namespace `keyfuse:` is reserved for managing keyfuse itself: no wildcard reaches it and
only keys with a management prefix hold it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from keyfuse_rules.prefixes import RESERVED, is_management_prefix
from keyfuse_store.errors import InvalidField

ADMIN = "keyfuse:admin"
# Every scope of the namespace, and what its holder may do; the documents are made from this.
MANAGEMENT_SCOPES: Mapping[str, str] = MappingProxyType(
    {
        ADMIN: "everything, and to grant every scope of this list",
        "keyfuse:verify": "ask whether a key is valid, from other machines",
        "keyfuse:keys.read": "list keys, look at one, at its use",
        "keyfuse:keys.write": "issue, import, change, rotate, suspend, resume and revoke keys",
        "keyfuse:owners.read": "list owners, look at one",
        "keyfuse:owners.write": "add owners",
        "keyfuse:leaks.read": "list incidents, look at one and its evidence",
        "keyfuse:leaks.write": "act on incidents",
        "keyfuse:audit.read": "read, export and verify the audit record",
        "keyfuse:jobs.read": "list jobs, look at one",
        "keyfuse:jobs.write": "run a failed job again",
        "keyfuse:portal.write": "make links with which owners see and rotate their own keys",
    }
)
SCOPES_MAX = 50

_NAME = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}"
_ASKED = re.compile(f"({_NAME}):({_NAME})")
_GRANTED = re.compile(rf"({_NAME}|\*):({_NAME}|\*)(?:@([A-Za-z0-9][A-Za-z0-9._:/-]{{0,127}}))?")


def granted(field: str, scopes: Sequence[str], *, management: bool) -> str:
    """Check the scopes a key is to hold and return them as they are stored.

    Args:
        field: What to call them in an error.
        scopes: Without duplicates after this call, in the order given.
        management: True for management keys, which hold reserved scopes and no others.

    Raises:
        InvalidField: too many, malformed, or on the wrong side of the reserved namespace.
    """
    if isinstance(scopes, str) or not isinstance(scopes, Iterable):
        raise InvalidField(field, "must be a list of scopes, not one text")
    scopes = list(scopes)
    if not all(isinstance(scope, str) for scope in scopes):
        raise InvalidField(field, "each must be text")
    unique = list(dict.fromkeys(scopes))
    if len(unique) > SCOPES_MAX:
        raise InvalidField(field, f"has {len(unique)} scopes; {SCOPES_MAX} are allowed")
    for scope in unique:
        _check_granted(field, scope, management=management)
    return " ".join(unique)


def check_concrete(field: str, scope: object) -> None:
    """Make sure that something is one `resource:action` of an API, without wildcards.

    Raises:
        InvalidField: it is not, or lies in keyfuse's own namespace.
    """
    if not isinstance(scope, str) or _ASKED.fullmatch(scope) is None:
        raise InvalidField(field, "each must be one concrete resource:action")
    if is_reserved(scope):
        raise InvalidField(field, "the namespace keyfuse: is not yours to declare")


def check_asked(field: str, scopes: object) -> None:
    """Make sure that something is a list of what a request may need.

    Raises:
        InvalidField: it is no list, or one of them is not one concrete `resource:action`.
    """
    if not isinstance(scopes, list | tuple):
        raise InvalidField(field, "must be a list of scopes, not one text")
    if not all(isinstance(scope, str) and _ASKED.fullmatch(scope) for scope in scopes):
        raise InvalidField(field, "each must be one concrete resource:action")


def missing(
    prefix: str, held: str, *, all_of: Iterable[str], any_of: Iterable[str], resource: str | None
) -> bool:
    """Tell whether a key lacks one scope of `all_of`, or every scope of a non-empty `any_of`."""
    for scope in all_of:
        if not grants(prefix, held, scope, resource):
            return True
    alternatives = False
    for scope in any_of:
        if grants(prefix, held, scope, resource):
            return False
        alternatives = True
    return alternatives


# Few distinct lists of scopes and few distinct questions: the answer is kept by their text.
@lru_cache(maxsize=65_536)
def grants(prefix: str, held: str, asked: str, resource: str | None) -> bool:
    """Tell whether the stored scopes `held` of a key with this prefix cover one asked scope.

    Raises:
        InvalidField: `asked` is not one concrete `resource:action`.
    """
    match = _ASKED.fullmatch(asked) if isinstance(asked, str) else None
    if match is None:
        raise InvalidField("scopes", "each must be one concrete resource:action")
    if is_reserved(asked):
        return is_management_prefix(prefix) and not {asked, ADMIN}.isdisjoint(held.split())
    return any(_covers(scope, match[1], match[2], resource) for scope in held.split())


@lru_cache(maxsize=4096)
def intersect(held: str, other: str) -> str:
    """The stored scopes that grant exactly what both stored lists grant."""
    both = (_common(one, two) for one in held.split() for two in other.split())
    return " ".join(dict.fromkeys(scope for scope in both if scope is not None))


def is_reserved(scope: str) -> bool:
    """Tell whether a scope lies in keyfuse's own namespace, in any spelling."""
    return scope.partition(":")[0].lower() == RESERVED


def _covers(scope: str, wanted: str, action: str, resource: str | None) -> bool:
    match = _GRANTED.fullmatch(scope)
    if match is None or is_reserved(scope):
        return False
    held_resource, held_action, only = match.groups()
    return (
        held_resource in {"*", wanted}
        and held_action in {"*", action}
        and (only is None or only == resource)
    )


def _common(one: str, two: str) -> str | None:
    if one == two:
        return one
    left, right = _GRANTED.fullmatch(one), _GRANTED.fullmatch(two)
    if left is None or right is None or is_reserved(one) or is_reserved(two):
        return None
    parts = [_narrower(a, b) for a, b in zip(left.groups("*"), right.groups("*"), strict=True)]
    if None in parts:
        return None
    resource, action, only = parts
    return f"{resource}:{action}" + ("" if only == "*" else f"@{only}")


def _narrower(one: str, two: str) -> str | None:
    if one in {"*", two}:
        return two
    return one if two == "*" else None


def _check_granted(field: str, scope: str, *, management: bool) -> None:
    if _GRANTED.fullmatch(scope) is None:
        raise InvalidField(field, "each must be resource:action, like invoices:read or invoices:*")
    if not management and is_reserved(scope):
        raise InvalidField(field, "the namespace keyfuse: belongs to management keys (--admin)")
    if management and scope not in MANAGEMENT_SCOPES:
        known = ", ".join(sorted(MANAGEMENT_SCOPES))
        raise InvalidField(field, f"a management key holds only {known}")
