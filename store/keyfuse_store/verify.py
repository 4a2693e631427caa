"""Verify a key; the order of the steps is the contract.

parse → checksum → one look-up by id → HMAC compared → state → time → address → scopes → rate
limits → quota.

Whoever does not hold the whole secret learns nothing about the key, not even its state. This is
the hot path: it asks for nothing twice, whatever can wait is left to `usage`, and calls are by
place, which Python makes for half the price of calls by name.
"""

import logging
from collections.abc import Sequence
from hmac import compare_digest

from keyfuse_rules.keyformat import MARKER, TAIL_LENGTH, parse_id, strip_presentation
from keyfuse_rules.secret import Secret
from keyfuse_store.addresses import allows
from keyfuse_store.allowance import Allowance
from keyfuse_store.errors import DatabaseError, InvalidField
from keyfuse_store.legacy_lookup import LegacyLookup
from keyfuse_store.model import Grant, Holder
from keyfuse_store.peppers import PepperRing
from keyfuse_store.reader import KeyReader
from keyfuse_store.scopes import intersect, missing
from keyfuse_store.sinks import Call
from keyfuse_store.times import SECOND, Clock
from keyfuse_store.usage import UsageLog
from keyfuse_store.usage_rows import Rehash
from keyfuse_store.verdict import Code, Verdict

COST_MAX = 1_000_000

_MALFORMED = Verdict(ok=False, code="malformed")
_UNKNOWN = Verdict(ok=False, code="unknown")
_UNAVAILABLE = Verdict(ok=False, code="unavailable")
_NO_DIGEST = bytes(32)
_PREFIX_END = -len(MARKER) - TAIL_LENGTH
_LISTS = frozenset((list, tuple))

Question = tuple[Sequence[str], Sequence[str], str | None, str | None, int, str | None]
"""What a caller wants to do: scopes, any_of, resource, client address, cost, user agent."""
NOTHING_ASKED: Question = ((), (), None, None, 1, None)

log = logging.getLogger(__name__)


class Verifier:
    """Answers whether a key may do what is asked, from the row as it is now."""

    def __init__(
        self,
        reader: KeyReader,
        ring: PepperRing,
        allowance: Allowance,
        usage: UsageLog,
        clock: Clock,
        *,
        older: LegacyLookup | None = None,
    ) -> None:
        self._grant = reader.grant
        self._holder = reader.holder
        self._address = reader.address
        self._key = reader.key
        self._recheck = reader.recheck
        self._ring = ring
        self._mac = ring.mac
        self._current = ring.current
        self._take = allowance.take
        self._usage = usage
        self._clock = clock
        self._older = older
        self._second = 0

    def verify(
        self,
        token: object,
        question: Question = NOTHING_ASKED,
        holder: bool = False,
        wait: bool = True,
    ) -> Verdict:
        """Return the verdict; whatever is wrong with the token, the answer is one.

        Args:
            token: The key.
            question: What its holder wants to do.
            holder: Read at once whose key it is, for a caller who will look at it.
            wait: Whether to wait for another writer, to count a quota.

        Raises:
            InvalidField: the question is malformed; see `KeyStore.verify`.
            WouldWait: the quota cannot be counted without waiting, which `wait` forbids.
        """
        scopes, any_of, _, _, cost, _ = question
        if cost.__class__ is not int or not 0 <= cost <= COST_MAX:
            raise InvalidField("cost", f"must be a whole number from 0 to {COST_MAX}")
        if scopes.__class__ not in _LISTS or any_of.__class__ not in _LISTS:
            _check_lists(scopes, any_of)
        text = token if token.__class__ is str else _plain(token)
        key_id = parse_id(text)
        if key_id is None:
            return self._verify_other(text, question, holder, wait)
        now = self._clock()
        try:
            if not 0 <= now - self._second < SECOND:
                self._begin_second(now)
            row = self._holder(key_id) if holder else self._grant(key_id)
        except DatabaseError as error:
            return self._unread(error, question)
        # A miss does the same work as a wrong secret and gives the same answer.
        digest, version = (_NO_DIGEST, self._current) if row is None else (row[0], row[1])
        mac = self._mac(version, text.encode())
        if mac is None:
            log.error("key %s needs pepper %d, which is not at hand", key_id, version)
            return self._stranger(_UNAVAILABLE, question)
        if not compare_digest(mac, digest) or row is None:
            return self._stranger(_UNKNOWN, question)
        if version != self._current:
            self._usage.rehash(Rehash(key_id, version, *self._ring.digest(text)))
        prefix = text[:_PREFIX_END]
        if not holder:
            return self._judge(Grant(key_id, prefix, *row[2:]), question, now, wait, True)
        try:
            owner = self._address(row[-1])
        except DatabaseError as error:
            return self._unread(error, question)
        key = Holder(key_id, prefix, *row[2:-1], owner)  # type: ignore[call-arg]  # the row has the rest
        return self._judge(key, question, now, wait, True)

    def _begin_second(self, now: int) -> None:
        """What needs doing now and then; a second that fails is begun again by the next call."""
        self._recheck()
        self._usage.tick(now)
        self._second = now

    def _verify_other(self, text: str, question: Question, holder: bool, wait: bool) -> Verdict:
        """What is no key of ours as it stands: written as a URI, or from before keyfuse."""
        bare = strip_presentation(text)
        if bare != text and parse_id(bare) is not None:
            return self.verify(bare, question, holder, wait)
        if self._older is None:
            return self._stranger(_MALFORMED, question)
        found = self._older.find(bare)
        if isinstance(found, str):
            return self._stranger(Verdict(ok=False, code=found), question)
        return self._judge(found, question, self._clock(), wait, False)

    def _judge(
        self, key: Grant, question: Question, now: int, wait: bool, in_second: bool
    ) -> Verdict:
        """What a proven key may do; `in_second` if the usage log knows what time it is."""
        scopes, any_of, resource, address, cost, agent = question
        code = standing(key, now) or _permission(key, scopes, any_of, resource, address)
        shortage = None
        if code is None and (key.rate_limit is not None or key.quota is not None):
            shortage = self._take(key.id, key.rate_limit, key.quota, cost, now, wait)
        if shortage is not None:
            code, after, limit = shortage.code, shortage.retry_after, shortage.limit
            verdict = Verdict(False, code, key.id, after, limit, key, self._key)
        elif code is not None:
            verdict = Verdict(False, code, key.id, None, None, key, self._key)
        else:
            verdict = Verdict(True, "valid", key.id, None, None, key, self._key)
        usage = self._usage
        if code is None and cost == 1 and in_second and not usage.events:
            usage.used(key.id)
        else:
            asked = _words(scopes, any_of) if usage.events else ""
            usage.add(Call(now, key.id, verdict.code, cost, asked, address, agent))
        return verdict

    def _unread(self, error: DatabaseError, question: Question) -> Verdict:
        """The answer while the database gives none."""
        log.error("a key could not be verified: %s", error)
        return self._stranger(_UNAVAILABLE, question)

    def _stranger(self, verdict: Verdict, question: Question) -> Verdict:
        """The answer to whoever proved no key."""
        scopes, any_of, _, address, cost, agent = question
        asked = _words(scopes, any_of) if self._usage.events else ""
        self._usage.add(Call(self._clock(), None, verdict.code, cost, asked, address, agent))
        return verdict


def _check_lists(scopes: object, any_of: object) -> None:
    """Lists of another kind will do; one text or an iterator will not."""
    for field, given in (("scopes", scopes), ("any_of", any_of)):
        if not isinstance(given, list | tuple):
            raise InvalidField(field, "must be a list of scopes, not one text")


def _words(scopes: Sequence[object], any_of: Sequence[object]) -> str:
    return " ".join(map(str, (*scopes, *any_of)))


def _plain(token: object) -> str:
    if isinstance(token, Secret):
        return token.reveal()
    return token if isinstance(token, str) else ""


def standing(key: Grant, now: int) -> Code | None:
    """Why a key is not in force at a moment (epoch microseconds), if it is not."""
    if key.state == "revoked":
        return "revoked"
    if key.state == "suspended":
        return "suspended"
    if key.not_before_us is not None and now < key.not_before_us:
        return "not_yet_valid"
    if key.expires_us is not None and now >= key.expires_us:
        return "expired"
    if key.overlap_until_us is not None and now >= key.overlap_until_us:
        return "expired"
    return None


def _permission(
    key: Grant,
    scopes: Sequence[str],
    any_of: Sequence[str],
    resource: str | None,
    address: str | None,
) -> Code | None:
    """Why the key may not do what is asked, if it may not.

    Raises:
        InvalidField: something in the question is not text.
    """
    try:
        if key.addresses_text and not allows(key.addresses_text, address):
            return "address_denied"
        held = key.scopes_text
        asked = scopes or any_of
        if key.quarantine_text is not None:
            if not asked:
                # Asking for nothing in particular is asking for everything.
                return "insufficient_scope"
            held = intersect(held, key.quarantine_text)
        if asked and missing(key.prefix, held, all_of=scopes, any_of=any_of, resource=resource):
            return "insufficient_scope"
    except TypeError:
        # Answers are kept by what was asked; a list, say, cannot be looked up.
        raise InvalidField("scopes", "scopes, resource and client address must be text") from None
    return None
