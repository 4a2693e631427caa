"""Where rate limits are counted: in this process, in the database, in Redis."""

from keyfuse_store.rates.interface import Rates, RatesUnavailable
from keyfuse_store.rates.opening import open_rates

__all__ = ["Rates", "RatesUnavailable", "open_rates"]
