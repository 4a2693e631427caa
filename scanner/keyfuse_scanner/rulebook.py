"""Which rules a scan uses: those that come with keyfuse, as policy and command line change them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from keyfuse_rules.errors import RulesError
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule
from keyfuse_scanner.engine import load_matcher
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.policy import Policy
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.verdict import choose_rules


def make_matcher(
    policy: Policy,
    *,
    rule_files: Sequence[str] = (),
    rule_set: str | None = None,
    only: Sequence[str] = (),
    decode: bool = True,
    cache: bool = True,
) -> Matcher:
    """Return the matcher of a scan; see `rules_in_force` and `keyfuse_scanner.engine`."""
    rules = rules_in_force(policy, rule_files=rule_files, rule_set=rule_set, only=only)
    return load_matcher(rules, decode=decode, cache=cache)


def rules_in_force(
    policy: Policy,
    *,
    rule_files: Sequence[str] = (),
    rule_set: str | None = None,
    only: Sequence[str] = (),
) -> tuple[Rule, ...] | None:
    """Return the rules of a scan; None where they are exactly those that come with keyfuse.

    Args:
        policy: What the repository says.
        rule_files: Files and folders of rules that the user names; they come after the policy's.
        rule_set: The set of rules the user asks for.
        only: Ids of the only rules the user wants, of whatever set.

    Raises:
        UsageError: a rule file is wrong, or there is no rule of such an id.
    """
    only = only or policy.only
    wanted = rule_set or policy.rule_set
    named = (policy.rule_files, policy.rules, policy.disabled, rule_files, only)
    if wanted == "default" and not any(named):
        return None
    known = known_rules(policy, rule_files)
    if only:
        return tuple(choose_rules(known, only))
    return tuple(rule for rule in known if rule.rule_set in {"default", wanted})


def known_rules(policy: Policy, rule_files: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Return the rules of all sets, as policy and rule files change them.

    Raises:
        UsageError: a rule file is wrong.
    """
    from keyfuse_rules.pack import all_rules, extend, load

    try:
        rules = load(_policy_files(policy), all_rules())
        own = {"rules": list(policy.rules), "disabled": list(policy.disabled)}
        rules = extend(rules, own, str(policy.source))
        return load((Path(file) for file in rule_files), rules)
    except RulesError as error:
        raise UsageError(harmless(str(error))) from None


def _policy_files(policy: Policy) -> Iterator[Path]:
    for file in policy.rule_files:
        yield Path(file) if policy.source is None else policy.source.parent / file
