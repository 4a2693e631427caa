"""The store's commands; `keyfuse` loads them by name, so that scanning never imports a database."""

from keyfuse_store.cli.db import db
from keyfuse_store.cli.keys import keys
from keyfuse_store.cli.owners import owners

__all__ = ["db", "keys", "owners"]
