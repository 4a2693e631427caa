"""Why a finding does not count: allowed beside it, ignored by policy, or known. Pure."""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_rules.model import OWN_RULE
from keyfuse_scanner.allow import allows
from keyfuse_scanner.globs import compile_globs
from keyfuse_scanner.known import NOTHING, Known
from keyfuse_scanner.model import Hit, Reason
from keyfuse_scanner.policy_fields import Ignore

if TYPE_CHECKING:
    import re

Relative = Callable[[bytes], bytes]


class Lists(NamedTuple):
    """The lists of known secrets in force."""

    ignored: Known = NOTHING
    baseline: Known = NOTHING


class _Compiled(NamedTuple):
    paths: "re.Pattern[bytes] | None"
    rules: "re.Pattern[bytes] | None"
    fingerprints: frozenset[str]
    text: str


class Suppression:
    """What policy and lists say about hits and findings."""

    def __init__(
        self,
        ignores: Iterable[Ignore] = (),
        *,
        lists: Lists = Lists(),  # noqa: B008 - a value that nothing changes
        honoured: Collection[str] = (),
        rule_ids: Callable[[], Collection[str]] = frozenset,
        relative: Relative = lambda path: path,
        own_keys: bool = True,
        comments: bool = True,
    ) -> None:
        """Make one.

        Args:
            ignores: What policy ignores.
            lists: What is known.
            honoured: Other scanners whose comments count.
            rule_ids: Returns the ids of all rules there are; asked where a comment has words.
            relative: Turns the path of a hit into one from the folder of the policy.
            own_keys: False where the repository has no say about keyfuse keys.
            comments: False where comments do not count.
        """
        self._ignores = [_compiled(ignore) for ignore in ignores]
        self._lists = lists
        self._honoured = frozenset(honoured)
        self._rule_ids = rule_ids
        self._relative = relative
        self._own_keys = own_keys
        self._comments = comments

    @classmethod
    def of_nothing(cls) -> "Suppression":
        """Return one for scans in which a repository has no say at all, not even by comments."""
        return cls(comments=False)

    def of_hit(self, hit: Hit) -> Reason | None:
        """Return why a hit does not count, as far as its place says."""
        if not self._may_say(hit.rule.rule_id):
            return None
        if self._comments and allows(
            hit.comments, hit.rule.rule_id, honoured=self._honoured, known=self._rule_ids
        ):
            return Reason("ignored", "a comment beside it allows it")
        path = None if hit.path is None else self._relative(hit.path)
        return self._ignored(path, hit.rule.rule_id, None)

    def of_finding(self, fingerprint: str, rule_id: str, path: bytes | None) -> Reason | None:
        """Return why a finding does not count, as far as its fingerprint says."""
        if not self._may_say(rule_id):
            return None
        if fingerprint in self._lists.ignored.entries:
            return Reason("ignored", "the ignore file lists it")
        if fingerprint in self._lists.baseline.entries:
            return Reason("baselined", "the baseline lists it")
        relative = None if path is None else self._relative(path)
        return self._ignored(relative, rule_id, fingerprint)

    def leaves_out(self, path: bytes) -> bool:
        """Return whether whatever stands at a path is ignored."""
        relative = self._relative(path)
        return any(
            ignore.paths
            and not ignore.rules
            and not ignore.fingerprints
            and ignore.paths.fullmatch(relative)
            for ignore in self._ignores
        )

    def _may_say(self, rule_id: str) -> bool:
        return self._own_keys or rule_id != OWN_RULE

    def _ignored(self, path: bytes | None, rule_id: str, fingerprint: str | None) -> Reason | None:
        for ignore in self._ignores:
            if bool(ignore.fingerprints) != (fingerprint is not None):
                continue
            if ignore.fingerprints and fingerprint not in ignore.fingerprints:
                continue
            if ignore.paths and (path is None or not ignore.paths.fullmatch(path)):
                continue
            if ignore.rules and not ignore.rules.fullmatch(rule_id.encode()):
                continue
            return Reason("ignored", ignore.text)
        return None


def _compiled(ignore: Ignore) -> _Compiled:
    text = f"policy ignores it: {ignore.reason}" if ignore.reason else "policy ignores it"
    return _Compiled(
        compile_globs(ignore.paths),
        compile_globs(ignore.rules),
        frozenset(ignore.fingerprints),
        text,
    )
