"""Where this copy of keyfuse is from, so that other machines can have the same."""

import json
import re
from typing import NamedTuple

from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.printable import harmless

_GITHUB = "https://github.com/"
_SOURCE = re.compile(
    rf"(?:{re.escape(_GITHUB)})?(?P<name>[\w-]+/[\w.-]+?)(?:\.git)?@(?P<commit>[0-9a-f]{{40}})",
    re.ASCII,
).fullmatch


class Source(NamedTuple):
    """A repository on GitHub, `owner/name`, and a commit of it."""

    name: str
    commit: str

    @property
    def url(self) -> str:
        """Where it is cloned from."""
        return _GITHUB + self.name

    def __str__(self) -> str:
        return f"{self.name}@{self.commit}"


def parse_source(text: str) -> Source:
    """Return the source that `owner/name@commit` names.

    Raises:
        UsageError: it is none, or names a tag or branch, which somebody may move.
    """
    found = _SOURCE(text.strip())
    if found is None:
        raise UsageError(
            f"{harmless(text)}: write owner/name@commit, with all 40 digits of the commit"
        )
    return Source(found["name"], found["commit"])


def installed_source() -> Source | None:
    """Return what pip noted of where it installed keyfuse from; None where that is no commit.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        noted = json.loads(distribution("keyfuse").read_text("direct_url.json") or "{}")
        return parse_source(f"{noted['url']}@{noted['vcs_info']['commit_id']}")
    except (PackageNotFoundError, UsageError, KeyError, TypeError, ValueError):
        return None
