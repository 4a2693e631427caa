"""The root of every error that `keyfuse_rules` raises."""


class RulesError(Exception):
    """A rule, a prefix or a key format is wrong; the message says what and where."""
