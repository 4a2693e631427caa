"""The issuance store: keys, verification, revocation, audit."""

from keyfuse_store.errors import InvalidField, KeyNotFound, OwnerNotFound, StoreError
from keyfuse_store.keystore import KeyStore
from keyfuse_store.model import Issued, Key, Owner
from keyfuse_store.verdict import Verdict

__all__ = [
    "InvalidField",
    "Issued",
    "Key",
    "KeyNotFound",
    "KeyStore",
    "Owner",
    "OwnerNotFound",
    "StoreError",
    "Verdict",
]
