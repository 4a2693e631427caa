"""The same words as a page for mail programs: one column, no images, nothing fetched.

Everything is escaped by the template engine. Links lead only to places that a signature or a scan
of ours vouches for, and only over https.
"""

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, Template

from keyfuse_webhook import message
from keyfuse_webhook.message import LeakedKey


def html(keys: Sequence[LeakedKey]) -> str:
    """The whole message as HTML."""
    return _template().render(
        subject=message.subject(keys),
        opening=message.opening(keys),
        keys=[
            {"facts": message.facts(key), "advice": message.advice(key)}
            for key in keys[: message.MOST_IN_FULL]
        ],
        others=message.listed(keys),
        closing=message.CLOSING,
    )


@cache
def _template() -> Template:
    loader = PackageLoader("keyfuse_webhook", "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("leak.html")
