"""What the exit code of every `keyfuse` command means."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; CI configurations and gateways' scripts rely on them."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    BUG = 70
    INTERRUPTED = 130
