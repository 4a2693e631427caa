import hashlib

import pytest

from keyfuse_rules.fingerprint import fingerprint
from keyfuse_rules.model import Rule, Severity
from keyfuse_rules.pack import OWN
from keyfuse_rules.redact import redact, scrub
from support.keys import make_key

FOREIGN = Rule("acme-token", "Acme token", "Acme", "acme", Severity.HIGH, (b"acme-",), "acme-.{20}")


def test_the_fingerprint_is_the_one_of_the_contract() -> None:
    expected = hashlib.sha256(b"keyfuse-fp1\0keyfuse\0secret").hexdigest()[:32]
    assert fingerprint("keyfuse", b"secret") == expected


def test_a_guessable_secret_gets_a_slow_fingerprint_of_the_same_length() -> None:
    slow = fingerprint("url-password", b"hunter2", guessable=True)
    assert len(slow) == 32
    assert slow != fingerprint("url-password", b"hunter2")
    assert slow != fingerprint("other", b"hunter2", guessable=True)


def test_of_our_own_key_only_the_public_parts_are_shown() -> None:
    token = make_key().reveal()
    assert redact(OWN, token) == token[:23] + "…"


@pytest.mark.parametrize(
    ("rule", "secret", "shown"),
    [
        (FOREIGN, "acme-0123456789abcdefghij", "acme…"),
        (FOREIGN, "acme-short", "…"),
        (FOREIGN._replace(guessable=True), "correct horse battery", "…"),
    ],
)
def test_of_others_at_most_four_characters_are_shown(rule: Rule, secret: str, shown: str) -> None:
    assert redact(rule, secret) == shown


def test_scrubbing_cuts_keys_and_pieces_of_keys_out_of_text() -> None:
    token = make_key().reveal()
    assert scrub(f"bad token {token}!") == f"bad token {token[:23]}…!"
    assert scrub(f"cut {token[:30]}") == f"cut {token[:23]}…"
    assert scrub("nothing here") == "nothing here"
