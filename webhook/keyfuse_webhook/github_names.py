"""Repositories by their validated names, and the addresses that are made of them. No I/O.

No address out of a payload is ever fetched: what is asked for is built from our settings and a
name that is nothing but a name.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

# Accounts have 39 characters; those of managed enterprises end with `_` and a short code.
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
# Of a path as the scanner gives it: bytes that are no UTF-8 stand in it as %XX, no others.
_PERCENT = re.compile(r"%(?![89A-F][0-9A-F])")
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """`owner/name` as GitHub allows them."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    def clone_url(self, server: str) -> str:
        """Where git fetches from."""
        return f"{server}/{self.owner}/{self.name}.git"

    def place_url(self, server: str, commit: str, path: str | None, line: int | None) -> str:
        """The page that shows a line of a file in a commit, or the commit.

        A folder may be called `%2e%2e`, which browsers take for the one above: it stays a name.
        """
        page = f"{server}/{self.owner}/{self.name}"
        if path is None:
            return f"{page}/commit/{commit}"
        anchor = "" if line is None else f"#L{line}"
        named = quote(_PERCENT.sub("%25", path), safe="/%")
        return f"{page}/blob/{commit}/{named}{anchor}"

    def alert_url(self, server: str, number: int) -> str:
        """The page of a secret scanning alert."""
        return f"{server}/{self.owner}/{self.name}/security/secret-scanning/{number}"


def repository_name(text: object) -> RepositoryName | None:
    """Read `owner/name`; None where it is anything else."""
    owner, _, name = text.partition("/") if isinstance(text, str) else ("", "", "")
    if not _OWNER.fullmatch(owner) or not _NAME.fullmatch(name) or name in {".", ".."}:
        return None
    # `x.git` cannot be a name on GitHub, and would be another repository to git.
    return None if name.lower().endswith(".git") else RepositoryName(owner, name)


def account_name(text: str) -> str | None:
    """The name of a user or an organisation, or None."""
    return text if _OWNER.fullmatch(text) else None


def object_id(text: object) -> str | None:
    """A whole object id in lower case hexadecimal, or None."""
    return text if isinstance(text, str) and _OBJECT_ID.fullmatch(text) else None


def is_zero(commit: str) -> bool:
    """Whether an id says "there is none", as in a push that makes or deletes a ref."""
    return not commit.strip("0")
