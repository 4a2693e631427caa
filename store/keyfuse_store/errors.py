"""What the store refuses or cannot do, each with one line that says what, where and what to do."""

from collections.abc import Sequence


class StoreError(Exception):
    """The root of every error that `keyfuse_store` raises."""


class InvalidField(StoreError):
    """A value the caller gave is not acceptable.

    Attributes:
        field: the name of the argument, as a form or a JSON body would call it.
        problem: what is wrong with it, without the value itself.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class KeyNotFound(StoreError):
    """No key has this id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no key has the id {key_id}; `keyfuse keys list` shows them")
        self.key_id = key_id


class OwnerNotFound(StoreError):
    """No owner has this id or mail address."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"no owner is called {owner}; `keyfuse owners list` shows them")
        self.owner = owner


class LeakNotFound(StoreError):
    """No incident has this id, and no key of this id has one."""

    def __init__(self, leak: str) -> None:
        super().__init__("there is no such incident; `keyfuse leaks list` shows them")
        self.leak = leak


class StateConflict(StoreError):
    """The key's state does not allow this step (a revoked key stays revoked)."""


class WouldWait(StoreError):
    """The answer has to wait for a network or for another writer; nothing was consumed."""


class NotPermitted(StoreError):
    """The caller would need scopes that he does not hold.

    Attributes:
        scopes: those he lacks, all of the namespace `keyfuse:`.
    """

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"this takes {' '.join(scopes)}, which the caller does not hold")
        self.scopes = tuple(scopes)


class VersionConflict(StoreError):
    """The key is not what the caller saw; look at it again."""


class AlreadyDone(StoreError):
    """The same request was carried out before; what it showed then is shown once.

    Attributes:
        key_id: the key that it made.
    """

    def __init__(self, key_id: str) -> None:
        super().__init__(f"this was done before and made the key {key_id}, shown only then")
        self.key_id = key_id


class KeysRefused(StoreError):
    """Some of many keys are not acceptable, so that none was taken.

    Attributes:
        wrong: the place of each in the list, and what is wrong with it.
    """

    def __init__(self, wrong: Sequence[tuple[int, InvalidField]]) -> None:
        super().__init__(f"{len(wrong)} keys are not acceptable; nothing was taken")
        self.wrong = tuple(wrong)


class ServerError(StoreError):
    """A server that was asked over the network did not do it, or cannot be reached."""


class SettingsError(StoreError):
    """A setting is wrong; the message names it and where it came from."""


class PepperError(StoreError):
    """The peppers are missing, malformed, or not the ones this database was written with."""


class DatabaseError(StoreError):
    """The database cannot be used just now; nothing was changed."""


class DatabaseLocked(DatabaseError):
    """Another writer held the database for longer than the busy timeout."""


class Deadlocked(DatabaseLocked):
    """Two transactions waited for each other, and this one was ended; nothing of it remains."""


class DatabaseFull(DatabaseError):
    """The disk, the quota or the database is full."""


class DatabaseReadOnly(DatabaseError):
    """The file, its folder or the server does not accept writes."""


class DatabaseVanished(DatabaseError):
    """The file is gone, or the server does not answer."""


class DatabaseDamaged(DatabaseError):
    """The file is no keyfuse database, or is damaged."""


class DatabaseTooNew(DatabaseError):
    """A newer keyfuse wrote this database."""


class DatabaseOutdated(DatabaseError):
    """The database has to be upgraded before this keyfuse can use it."""
