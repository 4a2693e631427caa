import re
from random import Random

import pytest

from keyfuse_rules.keyformat import RANDOMNESS_LENGTH, build
from keyfuse_rules.matching import Matcher
from keyfuse_rules.pack import all_rules
from keyfuse_rules.prefixes import (
    InvalidPrefix,
    check_prefix,
    colliding_provider_prefix,
    is_management_prefix,
)

# Heads of other providers' secrets that are words anybody may want to begin a prefix with; no key
# of ours fits those providers' patterns.
ORDINARY = {"cu", "fw", "key", "kit", "live", "pk", "re", "secret", "sk"}
HEADS = sorted(
    {
        literal.decode()[:-1]
        for rule in all_rules()[1:]
        for literal in rule.literals
        if re.fullmatch(rb"[a-z][a-z0-9]*(?:_[a-z0-9]+)*_", literal)
    }
)


@pytest.mark.parametrize("prefix", ["acme", "acme_live", "acme_pk_live", "skate", "npmx", "sk"])
def test_a_prefix_of_ones_own_is_allowed(prefix: str) -> None:
    check_prefix(prefix)


@pytest.mark.parametrize("prefix", ["ghp", "sk_live", "sk_live_acme", "npm_acme", "github_pat"])
def test_a_prefix_of_another_provider_is_refused_and_named(prefix: str) -> None:
    with pytest.raises(InvalidPrefix, match="another provider"):
        check_prefix(prefix)


@pytest.mark.parametrize("prefix", ["keyfuse", "keyfuse_root", "acme_keyfuse"])
def test_our_own_name_is_reserved(prefix: str) -> None:
    with pytest.raises(InvalidPrefix, match="reserved"):
        check_prefix(prefix)


def test_management_keys_carry_our_name_and_no_other_keys_do() -> None:
    check_prefix("keyfuse_root", management=True)
    assert is_management_prefix("keyfuse_root")
    assert not is_management_prefix("keyfusex_root")
    with pytest.raises(InvalidPrefix, match="begins with"):
        check_prefix("acme_live", management=True)


def test_every_head_of_another_providers_secrets_is_refused() -> None:
    allowed = {head for head in HEADS if colliding_provider_prefix(head) is None}
    assert allowed <= ORDINARY


def test_no_key_with_an_allowed_prefix_is_taken_for_another_providers_secret() -> None:
    keys = [
        build(prefix, Random(1).randbytes(RANDOMNESS_LENGTH)).reveal()
        for head in HEADS
        for prefix in (head, f"{head}_a", f"{head}_live", f"{head}_test")
        if colliding_provider_prefix(prefix) is None
    ]
    found = Matcher(all_rules()[1:]).matches("\n".join(keys).encode()).items
    assert [match.rule.rule_id for match in found] == []
