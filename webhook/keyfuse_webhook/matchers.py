"""Matchers of several threads: what is compiled is for one thread at a time."""

import threading
from collections.abc import Sequence

from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import OWN_RULE, Rule
from keyfuse_rules.pack import default_rules
from keyfuse_scanner.engine import load_matcher
from keyfuse_store.settings import Settings
from keyfuse_webhook.legacy_rules import legacy_rules


class Matchers:
    """A matcher for each thread that asks for one.

    Args:
        rules: What to look for; None for the rules that come with keyfuse.
    """

    def __init__(self, rules: Sequence[Rule] | None) -> None:
        self._rules = rules
        self._of_thread = threading.local()

    def here(self) -> Matcher:
        """The matcher of this thread."""
        found: Matcher | None = getattr(self._of_thread, "matcher", None)
        if found is None:
            found = self._of_thread.matcher = load_matcher(self._rules)
        return found


def of_own_keys(settings: Settings) -> Matchers:
    """Our own keys alone, those from before keyfuse included."""
    own = [rule for rule in default_rules() if rule.rule_id == OWN_RULE]
    return Matchers(own + legacy_rules(settings.key_types))


def of_everything(settings: Settings) -> Matchers:
    """Whatever there are rules for, and our own keys from before keyfuse."""
    legacy = legacy_rules(settings.key_types)
    return Matchers([*default_rules(), *legacy] if legacy else None)
