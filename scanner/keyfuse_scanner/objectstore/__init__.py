"""Read git objects ourselves: packs, loose objects, alternates."""

from keyfuse_scanner.objectstore.model import (
    BLOB,
    COMMIT,
    KINDS,
    TAG,
    TREE,
    Damaged,
    Git,
    GitObject,
    Limits,
    Progress,
    Scan,
    Scanner,
    Unread,
)

__all__ = [
    "BLOB",
    "COMMIT",
    "KINDS",
    "TAG",
    "TREE",
    "Damaged",
    "Git",
    "GitObject",
    "Limits",
    "Progress",
    "Scan",
    "Scanner",
    "Unread",
]
