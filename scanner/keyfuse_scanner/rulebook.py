"""Which rules a scan uses: those that come with keyfuse, as policy and command line change them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from keyfuse_rules.errors import RulesError
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import OWN_RULE, Rule
from keyfuse_scanner.engine import (
    kept_engine,
    load_engine,
    load_matcher,
    matcher_of,
    what_decides,
)
from keyfuse_scanner.errors import ScannerError, UsageError
from keyfuse_scanner.policy import Policy, find_policy
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.ruleset import DEFAULT_SET, Key, beside, ruleset
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
    try:
        key = _key(policy, rule_files, rule_set, only)
    except OSError:
        key, cache = (), False  # what is wrong with a file is said by who reads it
    if key is None:
        return load_matcher(decode=decode, cache=cache)
    engine = load_engine(
        key,
        lambda: rules_in_force(policy, rule_files=rule_files, rule_set=rule_set, only=only),
        decode=decode,
        cache=cache,
    )
    return matcher_of(engine)


def rules_key(
    policy: Policy,
    *,
    rule_files: Sequence[str] = (),
    rule_set: str | None = None,
    only: Sequence[str] = (),
    decode: bool = True,
) -> tuple[Any, ...] | None:
    """Return what tells these rules from all others; None where they cannot be read."""
    try:
        return what_decides(_key(policy, rule_files, rule_set, only), decode=decode)
    except OSError:
        return None


def compile_ahead(directory: str) -> None:
    """Compile the rules in force in a directory now, so that no commit has to wait for that.

    What is wrong with the policy is said by whoever scans.
    """
    with suppress(ScannerError):
        make_matcher(find_policy(directory).policy)


def is_compiled(policy: Policy) -> bool:
    """Tell whether the rules that a policy asks for are compiled already.

    Raises:
        OSError: a rule file cannot be read.
    """
    return kept_engine(_key(policy)) is not None


def _key(
    policy: Policy,
    rule_files: Sequence[str] = (),
    rule_set: str | None = None,
    only: Sequence[str] = (),
) -> Key | None:
    key = ruleset(
        rule_set or policy.rule_set,
        only or _policy_only(policy),
        policy.disabled,
        policy.rules,
        [*_policy_files(policy), *rule_files],
    )
    return key if key is None or policy.own_rule else (*key, OWN_RULE)


def rules_in_force(
    policy: Policy,
    *,
    rule_files: Sequence[str] = (),
    rule_set: str | None = None,
    only: Sequence[str] = (),
) -> tuple[Rule, ...]:
    """Return the rules of a scan.

    Args:
        policy: What the repository says.
        rule_files: Files and folders of rules that the user names; they come after the policy's.
        rule_set: The set of rules the user asks for.
        only: Ids of the only rules the user wants, of whatever set.

    Raises:
        UsageError: a rule file is wrong, or there is no rule of such an id.
    """
    known = known_rules(policy, rule_files)
    if only := only or _policy_only(policy):
        return tuple(choose_rules(known, only))
    sets = {DEFAULT_SET, rule_set or policy.rule_set}
    return tuple(rule for rule in known if rule.rule_set in sets)


def known_rules(policy: Policy, rule_files: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Return the rules of all sets, as policy and rule files change them.

    Raises:
        UsageError: a rule file is wrong.
    """
    from keyfuse_rules.pack import OWN, all_rules, extend, load

    try:
        rules = load(map(Path, _policy_files(policy)), all_rules())
        own = {"rules": list(policy.rules), "disabled": list(policy.disabled)}
        rules = extend(rules, own, str(policy.source))
        if not policy.own_rule:
            rules = (OWN, *(rule for rule in rules if rule.rule_id != OWN_RULE))
        return load((Path(file) for file in rule_files), rules)
    except RulesError as error:
        raise UsageError(harmless(str(error))) from None


def _policy_only(policy: Policy) -> tuple[str, ...]:
    if policy.only and not policy.own_rule:
        return (*policy.only, OWN_RULE)
    return policy.only


def _policy_files(policy: Policy) -> list[str]:
    if policy.source is None:
        return list(policy.rule_files)
    return beside(policy.source, policy.rule_files)
