"""What stops the service: one root, each message names what, where and what to do."""


class WebhookError(Exception):
    """Root of everything this package raises to its callers."""


class InvalidSetting(WebhookError):
    """A service setting that cannot be used as it is written."""
