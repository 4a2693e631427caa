"""Rate limits for the calls that this process sees; other processes count for themselves."""

from threading import Lock

from keyfuse_store.limits import Refusal, admit, parse_rates


class ProcessRates:
    """Keeps one tuple of arrivals for each limited key that was ever used."""

    def __init__(self) -> None:
        self._books: dict[str, _Book] = {}
        self._lock = Lock()

    def take(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """See `Rates.take`."""
        book = self._books.get(text) or self._open(text)
        with self._lock:
            if book.calls:
                # `limits.admit` written out for the one limit that most keys have.
                scaled = now * book.calls
                before = book.single.get(key_id, 0)
                arrival = before if before > scaled else scaled  # noqa: FURB136 - max() costs more
                after = arrival + cost * book.period
                if after - scaled <= book.tolerance:
                    book.single[key_id] = after
                    return None
            outcome = admit(book.rates, book.arrivals(key_id), cost, now)
            if isinstance(outcome, Refusal):
                return outcome
            book.several[key_id] = outcome
        return None

    def look(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """See `Rates.look`."""
        book = self._books.get(text) or self._open(text)
        outcome = admit(book.rates, book.arrivals(key_id), cost, now)
        return outcome if isinstance(outcome, Refusal) else None

    def close(self) -> None:
        """Nothing to let go of."""

    def _open(self, text: str) -> "_Book":
        return self._books.setdefault(text, _Book(text))


class _Book:
    """The arrivals under one text of limits; `calls` is 0 where it has several."""

    __slots__ = ("calls", "fresh", "period", "rates", "several", "single", "tolerance")

    def __init__(self, text: str) -> None:
        self.rates = parse_rates(text)
        self.fresh = (0,) * len(self.rates)
        _, calls, self.period, burst = self.rates[0]
        self.calls = calls if len(self.rates) == 1 else 0
        self.tolerance = burst * self.period
        self.single: dict[str, int] = {}
        self.several: dict[str, tuple[int, ...]] = {}

    def arrivals(self, key_id: str) -> tuple[int, ...]:
        if self.calls:
            return (self.single.get(key_id, 0),)
        return self.several.get(key_id, self.fresh)
