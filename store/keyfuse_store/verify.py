"""Verify a key; the order of the steps is the contract.

parse → checksum → one look-up by id → HMAC compared → state → time → address → scopes → rate.

Whoever does not hold the whole secret learns nothing about the key, not even its state.
"""

import hmac
import logging
import math
from collections.abc import Sequence

import msgspec

from keyfuse_rules.keyformat import parse, strip_presentation
from keyfuse_rules.secret import Secret
from keyfuse_store.addresses import allows
from keyfuse_store.errors import DatabaseError, InvalidField
from keyfuse_store.legacy_lookup import LegacyLookup
from keyfuse_store.limits import ProcessRates
from keyfuse_store.model import Code, Key, Verdict
from keyfuse_store.peppers import PepperRing
from keyfuse_store.reader import KeyReader
from keyfuse_store.scopes import intersect, missing
from keyfuse_store.times import SECOND, Clock

COST_MAX = 1_000_000

_MALFORMED = Verdict(ok=False, code="malformed")
_UNKNOWN = Verdict(ok=False, code="unknown")
_UNAVAILABLE = Verdict(ok=False, code="unavailable")
_NO_DIGEST = bytes(32)
_LISTS = (list, tuple)

log = logging.getLogger(__name__)


class Question(msgspec.Struct, frozen=True, gc=False):
    """What a caller wants to do; see `KeyStore.verify`."""

    scopes: Sequence[str] = ()
    any_of: Sequence[str] = ()
    resource: str | None = None
    client_address: str | None = None
    cost: int = 1

    def check(self) -> None:
        """Refuse what no key could answer.

        Raises:
            InvalidField: scopes given as one text, or a cost that is no whole number from 0.
        """
        if not isinstance(self.scopes, _LISTS):
            raise InvalidField("scopes", "must be a list of scopes, not one text")
        if not isinstance(self.any_of, _LISTS):
            raise InvalidField("any_of", "must be a list of scopes, not one text")
        if type(self.cost) is not int or not 0 <= self.cost <= COST_MAX:
            raise InvalidField("cost", f"must be a whole number from 0 to {COST_MAX}")


class Verifier:
    """Answers whether a key may do what is asked, from the row as it is now."""

    _older: LegacyLookup | None = None

    def __init__(
        self,
        reader: KeyReader,
        ring: PepperRing,
        rates: ProcessRates,
        clock: Clock,
        older: LegacyLookup | None = None,
    ) -> None:
        self._older = older
        self._row = reader.row
        self._recheck = reader.recheck
        self._pepper = ring.get
        self._current = ring.current
        self._rates = rates
        self._clock = clock
        self._rechecked = 0

    def verify(self, token: object, question: Question) -> Verdict:
        """Return the verdict; whatever is wrong with the token, the answer is one."""
        text = token.reveal() if isinstance(token, Secret) else token
        if not isinstance(text, str):
            return _MALFORMED
        text = strip_presentation(text)
        parsed = parse(text)
        if parsed is None:
            return _MALFORMED if self._older is None else self._verify_older(text, question)
        now = self._clock()
        try:
            if not 0 <= now - self._rechecked < SECOND:
                self._recheck()
                self._rechecked = now
            row = self._row(parsed.key_id)
        except DatabaseError as error:
            log.error("a key could not be verified: %s", error)  # noqa: TRY400 - one clear line
            return _UNAVAILABLE
        # A miss does the same work as a wrong secret and gives the same answer.
        digest, version = (_NO_DIGEST, self._current) if row is None else row[:2]
        pepper = self._pepper(version)
        if pepper is None:
            log.error("key %s needs pepper %d, which is not at hand", parsed.key_id, version)
            return _UNAVAILABLE
        proven = hmac.compare_digest(hmac.digest(pepper, text.encode(), "sha256"), digest)
        if row is None or not proven:
            return _UNKNOWN
        return self._judge(Key(*row[2:]), question, now)

    def _verify_older(self, text: str, question: Question) -> Verdict:
        """The same for a key from before keyfuse, where key types declare any."""
        found = None if self._older is None else self._older.find(text)
        if isinstance(found, Key):
            return self._judge(found, question, self._clock())
        return Verdict(ok=False, code=found or "malformed")

    def _judge(self, key: Key, question: Question, now: int) -> Verdict:
        """What a proven key may do."""
        refusal = _standing(key, now) or _permission(key, question)
        if refusal is not None:
            return Verdict(ok=False, code=refusal, key=key)
        if key.rate_limit is not None:
            wait = self._rates.take(key.id, key.rate_limit, question.cost, now)
            if wait is not None:
                after = None if math.isinf(wait) else wait
                return Verdict(ok=False, code="rate_limited", key=key, retry_after=after)
        return Verdict(ok=True, code="valid", key=key)


def _standing(key: Key, now: int) -> Code | None:
    """Why the key is not in force, if it is not."""
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


def _permission(key: Key, question: Question) -> Code | None:
    """Why the key may not do what is asked, if it may not."""
    if key.addresses_text and not allows(key.addresses_text, question.client_address):
        return "address_denied"
    held = key.scopes_text
    asked = question.scopes or question.any_of
    if key.quarantine_text is not None:
        if not asked:
            # Asking for nothing in particular is asking for everything.
            return "insufficient_scope"
        held = intersect(held, key.quarantine_text)
    if asked and missing(
        key.prefix,
        held,
        all_of=question.scopes,
        any_of=question.any_of,
        resource=question.resource,
    ):
        return "insufficient_scope"
    return None
