"""Recipes: examples of secrets that are made at run time and stand nowhere as text.

A recipe is plain text with fields in angle brackets:

    <base62:30>     so many characters of an alphabet
    <checksum>      the checksum of the rule's family over the token so far; where it is spread
                    over the token, the token so far is put right
    <wrong>         the same with one character changed
    <token>         where the token begins, if other text stands before it
    <key:acme_live> a whole key of our own format; <badkey:acme_live> one with a wrong checksum
    <nul> <lt> <gt> a NUL byte; angle brackets
    <cut>           nothing: cuts a published example in pieces
    <uuid>          a lower-case UUID
    <words:30>      so many characters of words run together, each with a capital letter
    <x:30>          so many times the letter x, as documentation writes a secret
    <seqhex:30>     so many characters of an alphabet, in order, as documentation does, too
    <jwt:HS256>     a signed token of that algorithm; <jwt:none> an unsigned one
    <basic:name>    base64 of `name:` and a random password; <basicexample:name> of a dummy one
    <der> <sshkey>  the base64 body of a private key: ASN.1, OpenSSH
    <age>           an age identity with its checksum; <badage> with a wrong one
    <macaroon>      the base64 of a PyPI macaroon
    <json:k>        the base64 of a JSON object whose first key is `k`
"""

import re
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from random import Random

from keyfuse_rules.checksums import FAMILIES
from keyfuse_rules.errors import RulesError
from keyfuse_rules.keyformat import RANDOMNESS_LENGTH, build
from keyfuse_rules.structures import bech32_polymod

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
    "alpha": string.ascii_lowercase,
    "ALPHA": string.ascii_uppercase,
    "letter": string.ascii_letters,
    "base32l": string.ascii_lowercase + "234567",
    "base58": string.digits[1:] + "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "bech32": "qpzry9x8gf2tvdw0s3jn54khce6mua7l",
    "BECH32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_TEXT = {"cut": b"", "nul": b"\0", "lt": b"<", "gt": b">"}

_FIELD = re.compile(r"<([a-zA-Z0-9]+)(?::([a-zA-Z0-9_]+))?>")


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
            token = _seal(line[token_start:], family, recipe, wrong=name == "wrong")
            line = line[:token_start] + token
        else:
            line += _field(name, argument, recipe, random)
    return line + recipe[position:].encode()


def _field(name: str, argument: str | None, recipe: str, random: Random) -> bytes:
    if name in ALPHABETS and argument is not None and argument.isdecimal():
        return _draw(random, name, int(argument))
    if name.startswith("seq") and name[3:] in ALPHABETS and (argument or "").isdecimal():
        return _count(name[3:], int(argument or 0))
    if name in {"key", "badkey"} and argument is not None:
        key = build(argument, random.randbytes(RANDOMNESS_LENGTH)).reveal().encode()
        return key if name == "key" else key[:-1] + _other(key[-1:])
    if name in _TEXT:
        return _TEXT[name]
    if name in _MADE and (argument is None) == (name in _WITHOUT_ARGUMENT):
        return _MADE[name](random, argument or "")
    raise InvalidRecipe(f"recipe {recipe!r}: unknown field <{name}>")


def _draw(random: Random, alphabet: str, length: int) -> bytes:
    return "".join(random.choices(ALPHABETS[alphabet], k=length)).encode()


def _count(alphabet: str, length: int) -> bytes:
    characters = ALPHABETS[alphabet]
    return (characters * (length // len(characters) + 1))[:length].encode()


def _uuid(random: Random, _argument: str) -> bytes:
    return b"-".join(_draw(random, "hex", length) for length in (8, 4, 4, 4, 12))


def _words(random: Random, length: str) -> bytes:
    words = (_draw(random, "ALPHA", 1) + _draw(random, "alpha", 8) for _ in range(int(length)))
    return b"".join(words)[: int(length)]


def _jwt(random: Random, algorithm: str) -> bytes:
    header = f'{{"alg":"{algorithm}","typ":"JWT"}}'.encode()
    payload = b'{"sub":"' + _draw(random, "base62", 16) + b'"}'
    parts = [urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload)]
    return b".".join([*parts, _draw(random, "base64url", 43)])


def _basic(random: Random, user: str) -> bytes:
    return b64encode(user.encode() + b":" + _draw(random, "base62", 20))


def _basic_example(_random: Random, user: str) -> bytes:
    return b64encode(user.encode() + b":changeme")


def _der(random: Random, _argument: str) -> bytes:
    """Return four lines of an ASN.1 sequence of 600 bytes, as a private key begins (X.690)."""
    return b"\n".join(_lines(b64encode(b"\x30\x82\x02\x58" + random.randbytes(188))))


def _ssh_key(random: Random, _argument: str) -> bytes:
    return b"\n".join(_lines(b64encode(b"openssh-key-v1\0" + random.randbytes(177))))


def _lines(text: bytes) -> list[bytes]:
    return [text[start : start + 64] for start in range(0, len(text), 64)]


def _age(random: Random, _argument: str) -> bytes:
    """Return an identity of age: Bech32 of 32 bytes, in capitals (BIP 173)."""
    prefix = b"age-secret-key-"
    data = [random.randrange(32) for _ in range(52)]
    spread = [byte >> 5 for byte in prefix] + [0] + [byte & 31 for byte in prefix]
    check = bech32_polymod([*spread, *data, *[0] * 6]) ^ 1
    values = data + [check >> 5 * (5 - place) & 31 for place in range(6)]
    text = "".join(ALPHABETS["bech32"][value] for value in values)
    return prefix.upper() + b"1" + text.upper().encode()


def _bad_age(random: Random, _argument: str) -> bytes:
    identity = _age(random, "")
    return identity[:-1] + (b"P" if identity[-1:] == b"Q" else b"Q")


def _macaroon(random: Random, _argument: str) -> bytes:
    location = b"pypi.org"
    packet = b"\x02\x01" + bytes([len(location)]) + location + b"\x02\x24" + random.randbytes(100)
    return urlsafe_b64encode(packet).rstrip(b"=")


def _json(random: Random, key: str) -> bytes:
    return b64encode(
        b'{"%b":"%b","n":"%b","id":479}'
        % (key.encode(), _draw(random, "base62", 40), _draw(random, "base62", 20))
    )


_MADE: dict[str, Callable[[Random, str], bytes]] = {
    "uuid": _uuid,
    "jwt": _jwt,
    "basic": _basic,
    "basicexample": _basic_example,
    "der": _der,
    "sshkey": _ssh_key,
    "age": _age,
    "badage": _bad_age,
    "macaroon": _macaroon,
    "json": _json,
    "words": _words,
    "x": lambda _random, length: b"x" * int(length),
}
_WITHOUT_ARGUMENT = frozenset(("uuid", "der", "sshkey", "age", "badage", "macaroon"))


def _seal(token: bytes, family: str | None, recipe: str, *, wrong: bool) -> bytes:
    """Return a token with its checksum, or with one character of it changed."""
    if family is None or family not in FAMILIES:
        raise InvalidRecipe(f"recipe {recipe!r}: <checksum> needs a rule with a checksum")
    checksum = FAMILIES[family].seal(token)
    if FAMILIES[family].length == 0:
        return (b"a" if checksum[:1] != b"a" else b"b") + checksum[1:] if wrong else checksum
    if not wrong:
        return token + checksum
    place = len(checksum.rstrip(b"=")) // 2
    changed = checksum[:place] + _other(checksum[place : place + 1]) + checksum[place + 1 :]
    return token + changed


def _other(character: bytes) -> bytes:
    """Return a character of the same kind that is not this one."""
    return b"1" if character == b"0" else b"0"
