"""One key type in the words of other scanners, so that they find our users' keys, too. Pure.

Everybody's patterns ask for the whole shape; none of the others computes the checksum. The example
keys are made from the prefix alone, are of the right form and were never issued by anybody.
"""

from collections.abc import Callable
from hashlib import sha512

from keyfuse_rules.errors import RulesError
from keyfuse_rules.keyformat import MARKER, TAIL_PATTERN, build
from keyfuse_rules.prefixes import check_prefix

_EXAMPLES = 3
_TITLE = "keyfuse API key"


class UnknownFormat(RulesError):
    """There is no export of that name; the message lists those there are."""


def export(prefix: str, form: str) -> str:
    """Return what another scanner needs in order to find keys with `prefix`.

    Args:
        prefix: Prefix of the key type, such as `acme_live`.
        form: Name in `FORMATS`.

    Raises:
        InvalidPrefix: No key can have this prefix.
        UnknownFormat: There is no such form.
    """
    check_prefix(prefix)
    if form not in FORMATS:
        raise UnknownFormat(f"no export {form!r}; there are {', '.join(FORMATS)}")
    return FORMATS[form](prefix)


def plain_regex(prefix: str) -> str:
    """Return the regular expression of a key type, without groups and without look-arounds."""
    return f"{prefix}{MARKER}{TAIL_PATTERN}"


def examples(prefix: str) -> list[str]:
    """Return keys of the right form that were never issued, the same each time."""
    return [
        build(prefix, sha512(f"keyfuse example {prefix} {number}".encode()).digest()).reveal()
        for number in range(_EXAMPLES)
    ]


def _github_partner(prefix: str) -> str:
    good = examples(prefix)
    return f"""\
Application for GitHub's secret scanning partner programme
https://docs.github.com/en/code-security/tutorials/secret-scanning-partner-program

Token type name
  {prefix}_api_key

Regular expression
  {plain_regex(prefix)}

What makes it recognisable
  A prefix of our own and the marker {MARKER}, then 10 characters that name the key, 32 random
  characters (190 bits), and 6 characters of checksum: the CRC-32 of everything before them, as
  base62 with the alphabet 0-9A-Za-z, left-padded with 0.

Endpoint for alerts
  https://YOUR-HOST/github/partner-alerts

Test vectors that must match (right checksum, never issued)
{_indented(good)}

Test vectors that the expression matches and the checksum refuses
{_indented([_broken(key) for key in good])}

Test vectors that must not match
  {prefix}{MARKER}
  {prefix}_test_0123
"""


def _github_pattern(prefix: str) -> str:
    return f"""\
Pattern name:   {prefix} API key
Secret format:  {plain_regex(prefix)}
Before secret:  \\A|[^0-9A-Za-z_]
After secret:   \\z|[^0-9A-Za-z]
Test string:    {prefix.upper()}_KEY={examples(prefix)[0]}
"""


def _gitleaks(prefix: str) -> str:
    return f"""\
[[rules]]
id = "{_id(prefix)}"
description = "{_TITLE} ({prefix})"
regex = '''{plain_regex(prefix)}'''
keywords = ["{prefix}{MARKER}"]
"""


def _kingfisher(prefix: str) -> str:
    return f"""\
rules:
  - name: {_TITLE} ({prefix})
    id: keyfuse.{prefix}.1
    pattern: '({plain_regex(prefix)})'
    min_entropy: 3.0
    confidence: high
    examples:
      - {examples(prefix)[0]}
    references:
      - https://docs.github.com/en/code-security/tutorials/secret-scanning-partner-program
"""


def _trufflehog(prefix: str) -> str:
    return f"""\
detectors:
  - name: {_id(prefix)}
    keywords:
      - {prefix}{MARKER}
    regex:
      key: '({plain_regex(prefix)})'
"""


def _id(prefix: str) -> str:
    return f"keyfuse-{prefix.replace('_', '-')}"


def _broken(key: str) -> str:
    return key[:-1] + ("1" if key[-1] == "0" else "0")


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


FORMATS: dict[str, Callable[[str], str]] = {
    "github": _github_partner,
    "github-custom": _github_pattern,
    "gitleaks": _gitleaks,
    "betterleaks": _gitleaks,  # reads gitleaks' format
    "kingfisher": _kingfisher,
    "trufflehog": _trufflehog,
    "regex": lambda prefix: plain_regex(prefix) + "\n",
}
