"""Comments that allow a secret: whose they are, what they name, and how far they reach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_scanner.allow import Comment, Comments, allows

RULES = {"keyfuse-key", "stripe-secret-key"}
MARK = "<secret>"


def beside(text):
    data = text.encode()
    start = data.index(MARK.encode())
    return Comments(data).beside(start, start + len(MARK))


def allowed(text, honoured=()):
    return allows(beside(text), "keyfuse-key", honoured=honoured, known=lambda: RULES)


@pytest.mark.parametrize(
    "text",
    [
        "key = <secret>  # keyfuse:allow",
        "key = <secret>  // keyfuse:allow an example of the docs",
        "<!-- keyfuse:allow --> <secret>",
        "key = <secret>  # keyfuse:allow keyfuse-key",
        "key = <secret>  # keyfuse:allow keyfuse-key it is dead",
        "key = <secret>  # keyfuse:allow stripe-secret-key,keyfuse-key",
        "key = <secret>  # keyfuse:allow(keyfuse-key) it is dead",
        "key = <secret>  # keyfuse:allow[keyfuse-key]",
        "key = <secret>  # keyfuse:allow=keyfuse-key",
        "key = <secret>  # keyfuse:allow: it is dead",
        "other\n  # keyfuse:allow\n<secret>",
        "other\r\n/* keyfuse:allow it is long */\r\n<secret>\r\n",
        "{\n// keyfuse:allow\n<secret>",
    ],
)
def test_what_allows(text):
    assert allowed(text)


@pytest.mark.parametrize(
    "text",
    [
        "key = <secret>",
        "key = <secret>  # keyfuse:allow stripe-secret-key",
        "key = <secret>  # keyfuse:allowed",
        "key = <secret>  # keyfuse:allow-list",
        "key = <secret>  # notkeyfuse: allow",
        "# keyfuse:allow\n\n<secret>",
        "<secret>\n# keyfuse:allow",
        "<!-- keyfuse:allow --> other\n<secret>",
        "other = 1  # keyfuse:allow\n<secret>",
        "key = <secret>  # gitleaks:allow",
        "key = <secret>  # pragma: allowlist secret",
        "key = <secret>  # trufflehog:ignore",
    ],
)
def test_what_does_not(text):
    assert not allowed(text)


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("gitleaks", "key = <secret>  #gitleaks:allow"),
        ("betterleaks", "key = <secret>  # betterleaks:allow"),
        ("detect-secrets", "key = <secret>  # pragma: allowlist secret"),
        ("detect-secrets", "key = <secret>  // pragma: whitelist secret"),
        ("detect-secrets", "# pragma: allowlist nextline secret\nkey = <secret>"),
        ("trufflehog", "key = <secret>  # trufflehog:ignore"),
    ],
)
def test_comments_of_others_count_on_request_only(tool, text):
    assert allowed(text, honoured=[tool])
    assert not allowed(text, honoured=["another"])


def test_the_nextline_pragma_is_for_the_next_line_alone():
    text = "key = <secret>  # pragma: allowlist nextline secret"
    assert not allowed(text, honoured=["detect-secrets"])


def test_every_line_of_a_long_secret_may_hold_the_comment():
    data = b"-----BEGIN\nx # keyfuse:allow\nEND-----"
    assert Comments(data).beside(0, len(data)) == (Comment("keyfuse", ()),)


def test_a_line_that_nobody_wrote_is_not_searched_to_its_end():
    assert not beside(f"{MARK}{'x' * 20_000}# keyfuse:allow")
    assert not beside(f"# keyfuse:allow{'x' * 20_000}{MARK}")
    assert not beside(f"{' ' * 20_000}# keyfuse:allow\n{MARK}")


def test_a_crowd_of_comments_behind_much_white_space_is_soon_looked_at():
    assert not beside(" " * 3_000_000 + "keyfuse:allow " * 100_000 + f"\n{MARK}")


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 20))
def test_any_bytes_are_looked_at_without_harm(data, start, length):
    data = b"keyfuse:allow" + data
    assert isinstance(Comments(data).beside(min(start, len(data)), start + length), tuple)
