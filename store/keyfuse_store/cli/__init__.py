"""The store's commands; `keyfuse` loads them by name, so that scanning never imports a database."""

from keyfuse_store.cli import adoption, changes, life, usage
from keyfuse_store.cli.audit import audit
from keyfuse_store.cli.db import db
from keyfuse_store.cli.keys import keys
from keyfuse_store.cli.owners import owners

# Modules that add commands to `keys`.
OF_KEYS = (adoption, changes, life, usage)

__all__ = ["audit", "db", "keys", "owners"]
