"""Findings out of thin air, for what tells of them."""

from typing import Any

from keyfuse_rules import Secret
from keyfuse_rules.model import Severity
from keyfuse_scanner.model import Finding


def finding(**fields: Any) -> Finding:
    """Return a finding of a key of ours, with some fields changed."""
    common = {
        "rule": "keyfuse-key", "title": "keyfuse API key", "severity": Severity.CRITICAL,
        "checksum": "valid", "path": "a", "line": 1, "column": 2, "commit": None, "author": None,
        "date": None, "object": None, "place": "file", "decoded": (), "redacted": "acme_kf1…",
        "fingerprint": "0" * 32, "key_id": "0123456789", "occurrences": 1, "secret": Secret("x"),
    }  # fmt: skip
    return Finding(**{**common, **fields})
