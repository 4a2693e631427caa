import copy
import pickle

import pytest

from keyfuse_rules import Secret
from support.keys import make_key


def test_nothing_shows_the_plaintext_but_reveal() -> None:
    secret = Secret("swordfish")
    shown = f"{secret} {secret!r} {secret:>30} {[secret]} %s" % secret
    assert "swordfish" not in shown
    assert secret.reveal() == "swordfish"


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_neither_pickled_nor_copied(write: object) -> None:
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        write(make_key())  # type: ignore[operator]


def test_equality_is_by_plaintext_and_only_between_secrets() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_half_a_surrogate_is_compared_like_any_text() -> None:
    """An error of the encoder would carry the plaintext."""
    assert Secret("a\ud800") == Secret("a\ud800")
    assert Secret("a\ud800") != Secret("a")


def test_its_state_is_not_handed_out() -> None:
    with pytest.raises(TypeError, match="reveal"):
        make_key().__getstate__()


def test_it_has_no_dictionary_that_a_debugger_or_vars_would_print() -> None:
    with pytest.raises(TypeError):
        vars(Secret("a"))
