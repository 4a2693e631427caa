"""The token of whoever runs a command, from where GitHub's own tools look for it."""

from collections.abc import Mapping

from keyfuse_rules import Secret

_NAMES = ("GITHUB_TOKEN", "GH_TOKEN")


def user_token(environ: Mapping[str, str]) -> Secret | None:
    """The token, or None where there is none."""
    found = next((environ[name] for name in _NAMES if environ.get(name)), None)
    return None if found is None else Secret(found)
