"""Keys from before keyfuse are looked for by the pattern that was declared for them."""

import pytest

from keyfuse_rules.matching import Matcher
from keyfuse_store.keytypes import KeyType, Legacy
from keyfuse_webhook.legacy_rules import legacy_rules

HEX = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("pattern", "lead", "literals"),
    [
        (r"ak_[0-9a-f]{40}", "ak_", (b"ak_",)),
        (r"^ak_[0-9a-f]{40}$", "ak_", (b"ak_",)),
        (r"acme\.key-[0-9a-f]+", "acme.key-", (b"acme.key-",)),
        (r"aks?_[0-9a-f]{40}", "ak_", (b"ak",)),
        (r"(?:ak|sk)_[0-9a-f]{40}", "sk_", ()),
        (r"ak_[0-9a-f]{40}|sk_[0-9a-f]{40}", "sk_", ()),
        (r"[0-9a-f]{40}", "", ()),
    ],
)
def test_a_whole_key_is_found_in_the_middle_of_things(pattern, lead, literals):
    types = [KeyType("acme_test"), KeyType("acme_live", legacy=Legacy(pattern, "sha256"))]
    (rule,) = legacy_rules(types)
    assert rule.literals == literals
    text = f"x = 'GLUED{lead}{HEX}'".encode()
    (match,) = Matcher([rule]).matches(text).items
    assert text[match.start : match.end].decode() == lead + HEX
