"""Leave out what the old side of a change had already. Pure."""

from collections.abc import Collection, Iterable

from keyfuse_rules.judgement import judge
from keyfuse_scanner.model import Hit


def introduced(
    new: Iterable[Hit], old: Iterable[Hit], *, deleted: Collection[bytes] = ()
) -> list[Hit]:
    """Return the new hits that the old side has not.

    A secret counts as had if the same path held it, or if a file that the change deletes held it:
    then it was moved. What was judged to be no secret there is new where it is judged to be one.

    Args:
        new: Hits of the new side.
        old: Hits of the old side, with their paths there.
        deleted: Paths of the old side that the new one lacks.
    """
    old = list(old)
    had = {(*_identity(hit), hit.path) for hit in old}
    moved = {_identity(hit) for hit in old if hit.path in deleted}
    return [
        hit for hit in new if (*_identity(hit), hit.path) not in had and _identity(hit) not in moved
    ]


def _identity(hit: Hit) -> tuple[str, object, bool]:
    return hit.rule.rule_id, hit.secret, judge(hit, hit.path).shown
