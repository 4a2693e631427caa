"""Each check objects with a reason, and leaves random values alone."""

from base64 import b64encode
from random import Random

import pytest

from keyfuse_rules.checks import CHECKS, judge
from keyfuse_rules.recipes import ALPHABETS, expand


@pytest.mark.parametrize(
    ("check", "recipe", "reason"),
    [
        ("placeholder", "<base62:20>EXAMPLE", "holds a word of documentation"),
        ("placeholder", "your-api-key-goes-here", "holds a word of documentation"),
        ("placeholder", "<seqhex:32>", "holds a word of documentation"),
        ("placeholder", "key-<x:4>aaaaaaaaaa", "repeats itself"),
        ("placeholder", "a1b2a1b2a1b2a1b2", "repeats itself"),
        ("placeholder", "aabbabababbaabbbabab", "consists of a few characters"),
        ("placeholder", "zyxwvutsrq<base62:3>", "counts up or down"),
        ("entropy:3", "aaabbbaaabab", "has less than 3 bits a character"),
        ("mixed", "4815162342", "is a number"),
        ("mixed", "<words:30>", "reads like words"),
        ("both-cases", "<lower:30>", "has letters of one case only"),
        ("literal", "${DATABASE_CRED}", "names a variable"),
        ("literal", "{{ cred }}", "names a variable"),
        ("literal", "DB_CRED_NAME", "names a variable"),
        ("human", "hunter2", "is a password of examples"),
        ("human", "aabbab", "repeats itself"),
        ("human", "broken", "is a word"),
        ("human", "1234", "is a number"),
        ("not:npm_", "npm_<base62:36>", "is for another rule to judge"),
        ("not-inside:+ASt", "<base62:10>+ASt<base62:3>", "is for another rule to judge"),
        ("jwt", "<jwt:none>", "is not signed"),
        ("jwt", "eyJ<base62:30>.eyJ<base62:30>.x", "is no JSON Web Token"),
        ("json", "<base64:40>", "holds no JSON"),
        ("base64-basic", "<base64:39>~", "is not base64"),
        ("base64-basic", "<basicexample:ada>", "is a password of examples"),
        ("macaroon", "pypi-<base64url:60>", "is no macaroon"),
        ("macaroon", "pypi-", "is no macaroon"),
        ("pem", "-----BEGIN PRIVATE KEY-----\n<base62:64>\n<base62:64>", "has no key in it"),
        ("bech32", "<badage>", "has a wrong checksum"),
        ("bech32", "AGE-SECRET-KEY-1BBBB", "is not Bech32"),
    ],
)
def test_a_check_objects_with_its_reason(check: str, recipe: str, reason: str) -> None:
    assert judge((check,), expand(recipe, Random(3))) == reason


def test_json_that_is_nested_too_deeply_is_none() -> None:
    deep = b64encode(b'{"a":' + b"[" * 3000)
    header = b64encode(b'{"alg":"HS256"}')
    assert judge(("jwt",), header + b"." + deep + b".x") == "is no JSON Web Token"
    assert judge(("json",), deep) == "holds no JSON"


@pytest.mark.parametrize("alg", [rb'"\ud800"', rb'"\u0000"', b"1e999", b"[[]]", b"null"])
def test_an_algorithm_that_is_none_is_no_signature(alg: bytes) -> None:
    """JSON can spell half a character, which no encoding takes."""
    header = b64encode(b'{"alg":' + alg + b"}").rstrip(b"=")
    assert judge(("jwt",), header + b"." + b64encode(b"{}") + b".x") == "is not signed"


@pytest.mark.parametrize(
    ("check", "recipe"),
    [
        ("jwt", "<jwt:ES256>"),
        ("json", "<json:k>"),
        ("base64-basic", "<basic:ada>"),
        ("macaroon", "pypi-<macaroon>"),
        ("pem", "-----BEGIN PRIVATE KEY-----\n<der>"),
        ("pem", "-----BEGIN OPENSSH PRIVATE KEY-----\n<sshkey>"),
        ("bech32", "<age>"),
        ("not:npm_", "<base62:36>"),
        ("human", "<base62:16>"),
        ("literal", "<base62:16>"),
    ],
)
def test_a_check_has_nothing_against_the_real_thing(check: str, recipe: str) -> None:
    assert judge((check,), expand(recipe, Random(3))) is None


@pytest.mark.parametrize("alphabet", [name for name in ALPHABETS if name != "digit"])
def test_random_values_are_hardly_ever_taken_for_placeholders(alphabet: str) -> None:
    random = Random(11)
    values = [expand(f"<{alphabet}:32>", random) for _ in range(2_000)]
    assert sum(judge(("placeholder",), value) is not None for value in values) == 0


@pytest.mark.parametrize("checks", [("mixed",), ("both-cases",), ("literal",), ("entropy:3",)])
def test_random_tokens_pass_the_checks_of_their_look(checks: tuple[str, ...]) -> None:
    random = Random(12)
    values = [expand("<base62:32>", random) for _ in range(2_000)]
    assert sum(judge(checks, value) is not None for value in values) <= 1


def test_the_head_that_all_secrets_of_a_rule_share_is_no_randomness() -> None:
    assert judge(("both-cases",), b"AIzaabcdefgh", 4) == "has letters of one case only"
    assert judge(("both-cases",), b"AIzaabcdefgh", 0) is None


def test_no_reason_shows_the_secret() -> None:
    for seed in range(20):
        for name in CHECKS:
            argument = ":3" if name == "entropy" else ""
            secret = expand("<lower:20>xxxxxxxx", Random(seed))
            reason = judge((name + argument,), secret) or ""
            assert secret.decode()[:6] not in reason
