"""The GitHub App that keyfuse needs, as a manifest: these permissions and events and no others.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import html
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

from keyfuse_webhook.events import EVENTS
from keyfuse_webhook.github_app import PERMISSIONS, Purpose

_CODE = re.compile(r"[0-9A-Za-z_-]{1,200}")
# Issues are written only where that is wished for; all else is read or answered by every App.
_ALWAYS: tuple[Purpose, ...] = ("fetch", "list", "check", "alert", "comment")


def manifest(*, name: str, base_url: str, redirect_url: str, issues: bool) -> dict[str, Any]:
    """What GitHub is to be told.

    Args:
        name: Of the App; unique among all on the server.
        base_url: Where GitHub reaches this service.
        redirect_url: Where the browser goes with the code when the App is made.
        issues: Ask for the right to open issues, too.
    """
    purposes = (*_ALWAYS, "issue") if issues else _ALWAYS
    permissions: dict[str, str] = {}
    for purpose in purposes:
        permissions |= PERMISSIONS[purpose]
    return {
        "name": name,
        "url": base_url,
        "description": "Finds API keys in what is pushed, and revokes them.",
        "hook_attributes": {"url": f"{base_url}/github/webhooks", "active": True},
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": dict(sorted(permissions.items())),
        "default_events": sorted(EVENTS),
    }


def form(document: dict[str, Any], *, server: str, organization: str | None, state: str) -> str:
    """A page with one button that sends the manifest to GitHub.

    Args:
        document: The manifest.
        server: GitHub's, from our settings.
        organization: Who is to own the App; None for whoever presses the button.
        state: Comes back with the code, so that nobody else's code is taken for it.
    """
    owner = "settings" if organization is None else f"organizations/{quote(organization)}/settings"
    action = f"{server}/{owner}/apps/new?{urlencode({'state': state})}"
    return _PAGE.format(
        action=html.escape(action, quote=True),
        manifest=html.escape(json.dumps(document), quote=True),
        shown=html.escape(json.dumps(document, indent=2)),
        server=html.escape(server),
    )


def is_code(text: str) -> bool:
    """Whether this may be the code with which GitHub sends the browser back."""
    return _CODE.fullmatch(text) is not None


_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>keyfuse: make the GitHub App</title>
<h1>Make the GitHub App</h1>
<p>This button takes you to {server}, which shows what the App may do and asks you once more.</p>
<form method="post" action="{action}">
<input type="hidden" name="manifest" value="{manifest}">
<button>Make it</button>
</form>
<pre>{shown}</pre>
</html>
"""
