import pytest

from keyfuse_rules.prefixes import InvalidPrefix, check_prefix, is_management_prefix


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
