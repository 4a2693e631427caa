"""Whom to tell of leaked keys, and how: one module for each kind of target.

To add one: a module that opens a `Notifier` from the settings, its line here, and its line in the
suite that all of them pass, `tests/webhook/notifiers/test_contract.py`.
"""

from collections.abc import Callable, Mapping

from keyfuse_store.settings import Settings
from keyfuse_webhook.notifiers import github_issue, mail, slack, webhook
from keyfuse_webhook.notifiers.interface import Notice, Notifier

__all__ = ["NOTIFIERS", "Notice", "Notifier", "open_notifiers"]

NOTIFIERS: Mapping[str, Callable[[Settings], Notifier | None]] = {
    "mail": mail.open_notifier,
    "slack": slack.open_notifier,
    "webhook": webhook.open_notifier,
    "github-issue": github_issue.open_notifier,
}


def open_notifiers(settings: Settings) -> dict[str, Notifier]:
    """Those that the settings name, by name.

    Raises:
        InvalidSetting: One of them cannot work as it is set.
    """
    opened = {name: open_one(settings) for name, open_one in NOTIFIERS.items()}
    return {name: notifier for name, notifier in opened.items() if notifier is not None}
