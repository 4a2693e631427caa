"""One-time links and sessions: rows that hold hashes, of tokens that only browsers have.

A token is 256 random bits, so that its plain SHA-256 gives nothing away. A link is gone in the
transaction that opens a session with it. Both end with the management key they came from, because
whoever finds one looks at that key again.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from keyfuse_store.schema import console_links as links
from keyfuse_store.schema import console_sessions as sessions
from keyfuse_store.times import HOUR, SECOND

LINK_LIFE = 5 * 60 * SECOND
SESSION_LIFE = 12 * HOUR
PORTAL_LIFE = HOUR // 2
# Without a page asked for by a person for so long, a session is over.
IDLE = HOUR
_TOUCH = 60 * SECOND
_TOKEN_BYTES = 32
_TOKEN_MAX = 64


@dataclass(frozen=True, slots=True)
class Opening:
    """What a link or a session stands for.

    Attributes:
        key_id: The management key it came from.
        owner_id: The owner it shows the portal to; None for the console.
    """

    key_id: str
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is going on."""

    digest: bytes
    opening: Opening
    seen_us: int
    expires_us: int


def make_link(connection: Connection, opening: Opening, *, at: int) -> str:
    """A token that opens one session within `LINK_LIFE`."""
    connection.execute(delete(links).where(links.c.expires_at <= at))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = {"digest": digest_of(token), "expires_at": at + LINK_LIFE}
    connection.execute(insert(links).values(row | _columns(opening)))
    return token


def take_link(connection: Connection, token: str, *, portal: bool, at: int) -> Opening | None:
    """Use a link up inside the caller's write transaction; None where there is none (any more).

    Args:
        connection: A write transaction.
        token: What stands in the link.
        portal: Whether a link to the portal is wanted, or one to the console.
        at: The present time in epoch microseconds.
    """
    of_kind = links.c.owner_id.is_not(None) if portal else links.c.owner_id.is_(None)
    this = (links.c.digest == digest_of(token)) & (links.c.expires_at > at) & of_kind
    row = connection.execute(select(links.c.key_id, links.c.owner_id).where(this)).one_or_none()
    if row is None or not connection.execute(delete(links).where(this)).rowcount:
        return None
    return Opening(row.key_id, row.owner_id)


def begin_session(connection: Connection, opening: Opening, *, at: int) -> str:
    """The token of a new session; forgets those that are over."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= at))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    life = SESSION_LIFE if opening.owner_id is None else PORTAL_LIFE
    row = {"digest": digest_of(token), "seen_at": at, "expires_at": at + life}
    connection.execute(insert(sessions).values(row | _columns(opening)))
    return token


def find_session(connection: Connection, token: str, *, portal: bool, at: int) -> Session | None:
    """The session with this token, if it is neither over nor forgotten about."""
    row = connection.execute(
        select(sessions).where(sessions.c.digest == digest_of(token))
    ).one_or_none()
    if row is None or row.expires_at <= at or row.seen_at <= at - IDLE:
        return None
    if (row.owner_id is not None) != portal:
        return None
    opening = Opening(row.key_id, row.owner_id)
    return Session(bytes(row.digest), opening, row.seen_at, row.expires_at)


def is_stale(session: Session, at: int) -> bool:
    """Tell whether it is time to note that a session is in use; not each request is worth it."""
    return at - session.seen_us > _TOUCH


def touch(connection: Connection, session: Session, *, at: int) -> None:
    """Note that a session is in use."""
    this = sessions.c.digest == session.digest
    connection.execute(update(sessions).where(this).values(seen_at=at))


def end_session(connection: Connection, digest: bytes) -> None:
    """End a session, if it is going on."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest))


def form_token(token: str) -> str:
    """What every form of a session carries, and nobody without its cookie can know."""
    return hmac.new(token.encode("utf-8", "replace"), b"keyfuse console form", "sha256").hexdigest()


def is_form_token(token: str, given: str) -> bool:
    """Tell whether a form comes from a page of the session with this token."""
    return hmac.compare_digest(form_token(token).encode(), given.encode("utf-8", "replace"))


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token[:_TOKEN_MAX].encode("utf-8", "replace")).digest()


def _columns(opening: Opening) -> dict[str, str | None]:
    return {"key_id": opening.key_id, "owner_id": opening.owner_id}
