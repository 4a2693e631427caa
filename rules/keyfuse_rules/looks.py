"""Checks of how a value reads: drawn at random or typed by a person; see `checks.CHECKS`."""

import re
from collections import Counter
from itertools import pairwise
from math import log2

from keyfuse_rules.sha256 import sha256_hex

# Documentation says so in the value itself. Short words only count in values that are mostly word.
_WORDS = re.compile(
    rb"example|placeholder|redacted|changeme|change[_-]me|replace[_-]?(?:me|with)|insert[_-]"
    rb"|your[_-]?(?:api|key|secret|token|own|access|private|real)|my[_-]?(?:secret|token|api[_-]?key)"
    rb"|dummy|notreal|not[_-]a[_-]real|fakekey|fake[_-]|sample[_-]|deadbeef|lorem|foobar"
    rb"|abcdefgh|qwertyui|12345678|01234567|98765432|87654321|aabbccdd|abcd1234|1234abcd"
    rb"|<[a-z_ -]{3,30}>|\*{4}|x{5}|\.{3}|_here\b",
    re.IGNORECASE,
)
_RUN = re.compile(rb"(.)\1{7}|(..)\2{4}|(...)\3{3}|(.{4,8})\4{2}", re.DOTALL)
_ALPHANUMERIC = re.compile(rb"[0-9A-Za-z]+")
# A token has many different characters; a value of this few was typed, not drawn.
_FEW = ((20, 5), (12, 3))
_LONGEST_STEP = 9
_LEAST_PASSWORD = 4
_LEAST_WORD = 8
_FEW_IN_PASSWORD = 2

_VARIABLE = re.compile(
    rb"[$%#]\{|\$\(|\$[A-Za-z_]|\{\{|\}\}|\{[A-Za-z_. ]{0,60}\}|<[^<>]{0,60}>|%\(|%[A-Z_]{2,40}%"
    rb"|\[[A-Za-z_ -]{3,40}\]|^%[sdvq]|\.\.\.|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$"
    rb"|process\.env|os\.environ|getenv|ENV\[|secrets\.|vault:|var\.|config\.|settings\.|op://"
    rb"|^!(?:vault|secret|ENV|Ref|Sub|GetAtt)\b|arn:aws|\bnull\b|undefined|\(\)|@@|^~",
)
_HUMAN = frozenset(
    b"""
    admin administrator airflow app apppassword bar basic baz changeit changeme cheese correct
    credential credentials database db dbpass dbpassword dbuser default demo django docker foo
    foobar git github guest hackme hello hunter2 key letmein linux local localhost login me mongo
    mongodb mypass mypassword mysecret mysql mysqlpassword none nopass nopassword oracle p pass
    pass123 passw0rd passwd password password1 password123 passwort pg pgpassword postgres
    postgrespassword postgresql pw pwd qwerty rabbitmq redis root rootpassword s3cr3t s3cret
    sa sample scott secret secret123 secretpassword secrets string superpassword supersecret
    swordfish sysadmin system t test test123 test1234 tester testing testpass testpassword
    testpwd testuser tiger token topsecret toor u user username value vagrant welcome word
    wordpress x xxx xyz y yourpassword z
    """.split()
)
_HUMAN_WORDS = re.compile(
    rb"pass(?:word|wd)?|pwd|secret|example|changeme|dummy|placeholder|sample|fake|your|invalid|"
    rb"test|redacted|hidden|mask|user",
    re.IGNORECASE,
)


def placeholder(secret: bytes, _argument: str) -> str | None:
    """Object to words of documentation and to repeated or sequential characters."""
    if _WORDS.search(secret):
        return "holds a word of documentation"
    if _RUN.search(secret):
        return "repeats itself"
    core = max(_ALPHANUMERIC.findall(secret), key=len, default=b"")
    if any(len(core) >= length and len(set(core.lower())) <= few for length, few in _FEW):
        return "consists of a few characters"
    if _longest_sequence(core) >= _LONGEST_STEP:
        return "counts up or down"
    return None


def known_example(secret: bytes, _argument: str) -> str | None:
    """Object to credentials that their provider publishes for everybody's use."""
    if sha256_hex(secret)[:24] in _PUBLISHED:
        return "is published by its provider for everybody's use"
    return None


def entropy(secret: bytes, least: str) -> str | None:
    """Object to less than so many bits of Shannon entropy a character."""
    counts = Counter(secret).values()
    total = len(secret) or 1
    bits = -sum(count / total * log2(count / total) for count in counts)
    return f"has less than {least} bits a character" if bits < float(least) else None


def mixed(secret: bytes, _argument: str) -> str | None:
    """Object to numbers, and to letters that read like words: their case seldom changes."""
    if not re.search(rb"[A-Za-z]", secret):
        return "is a number"
    if re.search(rb"[0-9]", secret):
        return None
    changes = len(re.findall(rb"(?<=[a-z])[A-Z]|(?<=[A-Z])[a-z]", secret))
    return "reads like words" if changes * 10 < len(secret) * 3 else None


def both_cases(secret: bytes, _argument: str) -> str | None:
    """Object to values without lower-case or without upper-case letters."""
    lower = re.search(rb"[a-z]", secret) is not None
    upper = re.search(rb"[A-Z]", secret) is not None
    return None if lower and upper else "has letters of one case only"


def literal(secret: bytes, _argument: str) -> str | None:
    """Object to what is read from elsewhere: variables, templates, calls, names of settings."""
    return "names a variable" if _VARIABLE.search(secret) else None


def human(secret: bytes, _argument: str) -> str | None:
    """Object to the passwords of examples and development machines."""
    word = secret.lower().strip(b"\"'!")
    if word in _HUMAN or len(word) < _LEAST_PASSWORD or _HUMAN_WORDS.search(word):
        return "is a password of examples"
    if len(set(word)) <= _FEW_IN_PASSWORD:
        return "repeats itself"
    if len(word) < _LEAST_WORD and word.isalpha() and secret.islower():
        return "is a word"
    if len(word) <= _LEAST_WORD and word.isdigit():
        return "is a number"
    return None


def _longest_sequence(text: bytes) -> int:
    """Return the length of the longest run of characters that rise or fall by one."""
    longest = current = 1
    step = 0
    for before, after in pairwise(text):
        difference = after - before
        current = current + 1 if difference == step and abs(difference) == 1 else 2
        step = difference
        longest = max(longest, current if abs(difference) == 1 else 1)
    return longest


# The beginning of the SHA-256 of credentials that are no secrets: the keys of Azurite and of the
# Cosmos DB emulator, the accounts of Hardhat and Anvil, the key in Stripe's documentation, MinIO's
# playground.
_PUBLISHED = frozenset(
    """
    df5f4ab60dbe64375706c792 aa6547439583c3a275d4542a 60a09e4357868c1e9b801052
    095101cf732c298a0ce0320b bb4978fbe7638de8e6ee13d9 f02322197a196ceb746aa52c
    5de22089c247b9b2722ec5c3 59feecfa04eb096ba44eed29 2cafc0970149a84f3b9e62ea
    df452eef23e8cf2c74af54c0
    """.split()  # noqa: SIM905 - a table
)
