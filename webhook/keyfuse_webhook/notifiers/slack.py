"""Telling a Slack channel, through an incoming webhook.

The blocks are plain text, in which nothing is markup and nobody is mentioned. The short text that
notifications show is markup, so it is escaped.

https://docs.slack.dev/reference/block-kit/composition-objects/text-object
https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

import json

from keyfuse_rules import Secret
from keyfuse_store.settings import Settings
from keyfuse_webhook import message
from keyfuse_webhook.jobs_model import Outcome
from keyfuse_webhook.message import LeakedKey, one_line
from keyfuse_webhook.notifiers.interface import Notice, Notifier
from keyfuse_webhook.notifiers.posting import post

# What Slack takes: characters in a header and a section, blocks in a message.
_LONGEST_HEADER = 150
_LONGEST_SECTION = 3000
_MOST_KEYS = 20


def open_notifier(settings: Settings) -> Notifier | None:
    """The channel whose webhook the settings name, if they do."""
    return None if settings.slack_webhook_url is None else Slack(settings.slack_webhook_url)


class Slack:
    """Posts to one incoming webhook; its address is a credential."""

    def __init__(self, url: Secret) -> None:
        self._url = url

    def deliver(self, notice: Notice) -> Outcome:
        """Post one message.

        Raises:
            TryAgain: Slack did not take it.
        """
        body = json.dumps(compose(notice)).encode("ascii")
        return post("Slack", self._url, body, {})


def compose(notice: Notice) -> dict[str, object]:
    """The message as Slack takes it."""
    title = f"{_title(notice)}; owner {one_line(notice.address, 254)}"
    sections = [_facts(key) for key in notice.keys[:_MOST_KEYS]]
    if len(notice.keys) > _MOST_KEYS:
        sections.append(f"{len(notice.keys) - _MOST_KEYS} more: keyfuse leaks list")
    return {
        "text": escape(title),
        "blocks": [
            {"type": "header", "text": _plain(title[:_LONGEST_HEADER])},
            *({"type": "section", "text": _plain(text)} for text in sections),
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """Text in which Slack sees no markup, no link and no mention."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    # Backquotes, stars and the like are markup too, and have no entity.
    return "".join(f"\u200b{c}" if c in "*_~`@#|" else c for c in text)


def _title(notice: Notice) -> str:
    keys = notice.keys
    return f"{len(keys)} API keys leaked" if len(keys) > 1 else message.subject(keys)


def _facts(key: LeakedKey) -> str:
    text = "\n".join(f"{fact.name}: {fact.value}" for fact in message.facts(key))
    return text if len(text) <= _LONGEST_SECTION else text[: _LONGEST_SECTION - 1] + "…"


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}
