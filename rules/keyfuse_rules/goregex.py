r"""Go's regular expressions (RE2 syntax) to what `regex` and Hyperscan both understand. Pure.

The differences that matter: a flag such as `(?i)` holds to the end of its group; `$` and `\z` are
the end of the text; `\Q…\E` quotes; `[` within a class and `{,3}` are plain characters.
Source: https://github.com/google/re2/wiki/Syntax
"""

import re
from typing import NamedTuple

from keyfuse_rules.errors import RulesError

_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]+))?\)")
_GROUP_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]+))?:")
_NAMED = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_QUANTIFIER = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_CODE = re.compile(r"\\x\{([0-9A-Fa-f]+)\}")
_POSIX = re.compile(r"\[:\^?[a-z]+:\]")
_KNOWN_FLAGS = frozenset("ims")
# Characters that a class of the `regex` module takes for set operations.
_ESCAPED_IN_CLASS = frozenset("[&|~")
_BYTE_MAX = 0x7F


class Untranslatable(RulesError):
    """A regular expression uses what one of the engines has not; the message says what."""


class Translated(NamedTuple):
    """An expression for our engines; `groups` counts its capturing groups."""

    pattern: str
    groups: int


def translate(pattern: str, secret_group: int = 1) -> Translated:
    """Return an expression with the given capturing group named `secret`, if there is one.

    Args:
        pattern: In Go's syntax.
        secret_group: Number of the group that holds the secret, counted from 1.

    Raises:
        Untranslatable: It cannot be said in both engines.
    """
    reader = _Reader(pattern, secret_group)
    text = reader.sequence(multiline=False)
    if reader.position != len(pattern):
        raise Untranslatable("it has a closing parenthesis too many")
    return Translated(text, reader.groups)


class _Reader:
    def __init__(self, pattern: str, secret_group: int) -> None:
        self._pattern = pattern
        self._secret_group = secret_group
        self.position = 0
        self.groups = 0

    def sequence(self, *, multiline: bool) -> str:
        """Translate up to the end of the group; flags set within hold until there.

        Each becomes a group of its own, closed before an alternative and opened again behind it.
        """
        parts: list[str] = []
        scopes: list[str] = []
        while self.position < len(self._pattern) and self._peek() != ")":
            flags = _FLAGS.match(self._pattern, self.position)
            if flags is not None:
                self.position = flags.end()
                multiline = "m" in flags[1] or (multiline and "m" not in (flags[2] or ""))
                scopes.append(_opened(flags))
                parts.append(scopes[-1])
            elif self._peek() == "|":
                self.position += 1
                parts += [")" * len(scopes), "|", *scopes]
            else:
                parts.append(self._atom(multiline=multiline))
        return "".join(parts) + ")" * len(scopes)

    def _peek(self) -> str:
        return self._pattern[self.position : self.position + 1]

    def _atom(self, *, multiline: bool) -> str:
        character = self._peek()
        if character == "(":
            return self._group(multiline=multiline)
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        quantifier = _QUANTIFIER.match(self._pattern, self.position)
        if quantifier is not None:
            self.position = quantifier.end()
            return quantifier[0]
        self.position += 1
        if character == "$" and not multiline:
            return r"\Z"
        return "\\" + character if character in "{}" else character

    def _group(self, *, multiline: bool) -> str:
        plain = _GROUP_FLAGS.match(self._pattern, self.position)
        named = _NAMED.match(self._pattern, self.position)
        if plain is not None:
            self.position = plain.end()
            head = _opened(plain)
            multiline = "m" in plain[1] or (multiline and "m" not in (plain[2] or ""))
        else:
            self.position = named.end() if named is not None else self.position + 1
            if self._peek() == "?":
                raise Untranslatable(f"it has a group of an unknown kind at {self.position}")
            self.groups += 1
            head = "(?<secret>" if self.groups == self._secret_group else "(?:"
        body = self.sequence(multiline=multiline)
        if self._peek() != ")":
            raise Untranslatable("it lacks a closing parenthesis")
        self.position += 1
        return head + body + ")"

    def _class(self) -> str:
        parts = ["["]
        self.position += 1
        if self._peek() == "^":
            parts.append("^")
            self.position += 1
        first = True
        while first or self._peek() != "]":
            first = False
            parts.append(self._class_item())
        self.position += 1
        return "".join(parts) + "]"

    def _class_item(self) -> str:
        posix = _POSIX.match(self._pattern, self.position)
        if posix is not None:
            self.position = posix.end()
            return posix[0]
        character = self._peek()
        if character == "":
            raise Untranslatable("it lacks a closing bracket")
        if character == "\\":
            return self._escape()
        self.position += 1
        if character in _ESCAPED_IN_CLASS or (character == "-" and self._peek() == "-"):
            return "\\" + character
        return "\\]" if character == "]" else character

    def _escape(self) -> str:
        code = _CODE.match(self._pattern, self.position)
        if code is not None:
            self.position = code.end()
            number = int(code[1], 16)
            if number > _BYTE_MAX:
                raise Untranslatable(f"it names the character {code[1]}; objects are bytes")
            return f"\\x{number:02x}"
        character = self._pattern[self.position + 1 : self.position + 2]
        if character == "Q":
            end = self._pattern.find(r"\E", self.position)
            end = len(self._pattern) if end < 0 else end
            quoted = self._pattern[self.position + 2 : end]
            self.position = end + 2
            return re.escape(quoted)
        if character in {"", "C", "p", "P"}:
            raise Untranslatable(f"it uses \\{character}, which bytes do not have")
        self.position += 2
        return {"z": r"\Z", '"': '"', "'": "'"}.get(character, "\\" + character)


def _opened(flags: re.Match[str]) -> str:
    names, negative = flags[1], flags[2] or ""
    unknown = set(names + negative) - _KNOWN_FLAGS
    if unknown:
        raise Untranslatable(f"it sets the flag {min(unknown)!r}")
    return f"(?{names}{'-' + negative if negative else ''}:"
