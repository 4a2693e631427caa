"""Recipes: examples of secrets that are made at run time and stand nowhere as text.

A recipe is plain text with fields in angle brackets:

    <base62:30>     so many characters of an alphabet
    <checksum>      the checksum of the rule's family over the token so far
    <wrong>         the same with one character changed
    <token>         where the token begins, if other text stands before it
    <key:acme_live> a whole key of our own format; <badkey:acme_live> one with a wrong checksum
    <nul> <lt>      a NUL byte; an angle bracket
"""

import re
import string
from random import Random

from keyfuse_rules.checksums import FAMILIES
from keyfuse_rules.errors import RulesError
from keyfuse_rules.keyformat import RANDOMNESS_LENGTH, build

ALPHABETS = {
    "base62": string.digits + string.ascii_letters,
    "base64": string.digits + string.ascii_letters + "+/",
    "base64url": string.digits + string.ascii_letters + "-_",
    "base32": string.ascii_uppercase + "234567",
    "hex": string.digits + "abcdef",
    "HEX": string.digits + "ABCDEF",
    "digit": string.digits,
    "lower": string.digits + string.ascii_lowercase,
    "upper": string.digits + string.ascii_uppercase,
}

_FIELD = re.compile(r"<([a-zA-Z0-9]+)(?::([a-z0-9_]+))?>")


class InvalidRecipe(RulesError):
    """A recipe names a field that does not exist."""


def expand(recipe: str, random: Random, family: str | None = None) -> bytes:
    """Return the line that a recipe stands for.

    Args:
        recipe: Text with fields.
        random: Source of the variable characters; seeded by tests, never for real keys.
        family: Name of the checksum family for `<checksum>` and `<wrong>`.

    Raises:
        InvalidRecipe: A field is unknown or its argument is missing.
    """
    line = b""
    token_start = 0
    position = 0
    for field in _FIELD.finditer(recipe):
        line += recipe[position : field.start()].encode()
        position = field.end()
        name, argument = field[1], field[2]
        if name == "token":
            token_start = len(line)
        elif name in {"checksum", "wrong"}:
            line += _seal(line[token_start:], family, recipe, wrong=name == "wrong")
        else:
            line += _field(name, argument, recipe, random)
    return line + recipe[position:].encode()


def _field(name: str, argument: str | None, recipe: str, random: Random) -> bytes:
    if name in ALPHABETS and argument is not None and argument.isdecimal():
        return "".join(random.choices(ALPHABETS[name], k=int(argument))).encode()
    if name in {"key", "badkey"} and argument is not None:
        key = build(argument, random.randbytes(RANDOMNESS_LENGTH)).reveal().encode()
        return key if name == "key" else key[:-1] + _other(key[-1:])
    if name == "nul":
        return b"\0"
    if name == "lt":
        return b"<"
    raise InvalidRecipe(f"recipe {recipe!r}: unknown field <{name}>")


def _seal(token: bytes, family: str | None, recipe: str, *, wrong: bool) -> bytes:
    if family is None or family not in FAMILIES:
        raise InvalidRecipe(f"recipe {recipe!r}: <checksum> needs a rule with a checksum")
    checksum = FAMILIES[family].seal(token)
    return checksum[:-1] + _other(checksum[-1:]) if wrong else checksum


def _other(character: bytes) -> bytes:
    """Return a character of the same kind that is not this one."""
    return b"1" if character == b"0" else b"0"
