"""Why a scan cannot begin or a hook cannot be installed.

What merely could not be scanned is not an exception but a value: `keyfuse_scanner.model.Unscanned`.
"""

from keyfuse_scanner.exits import Exit


class ScannerError(Exception):
    """The caller cannot go on; the message is one line that says what, where and what to do."""

    exit_code = Exit.USAGE


class GitMissing(ScannerError):
    """There is no program `git` on the search path."""


class NotARepository(ScannerError):
    """Git does not accept the directory as a repository, or refuses it (safe.directory)."""


class NoSuchPath(ScannerError):
    """A path that the user named is not there."""


class NoSuchRevision(ScannerError):
    """A revision that the user named is not in the repository, or is malformed."""


class GitFailed(ScannerError):
    """Git ended with an error; `reason` is the last line of what it said."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(f"git {command} failed: {reason}")
        self.command = command
        self.reason = reason


class UsageError(ScannerError):
    """The arguments contradict each other or name something unknown."""


class PolicyError(ScannerError):
    """A policy file cannot be read; the message names file and setting."""


class KnownListInvalid(ScannerError):
    """A baseline or an ignore file cannot be read; the message names file and line."""


class HookRefused(ScannerError):
    """The hook was left alone because something else depends on its place."""
