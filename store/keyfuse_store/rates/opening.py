"""Which class counts where; to add a place: one module, one line here."""

from collections.abc import Callable

from keyfuse_store.database import Database
from keyfuse_store.errors import SettingsError
from keyfuse_store.rates.database import DatabaseRates
from keyfuse_store.rates.interface import Rates
from keyfuse_store.rates.process import ProcessRates
from keyfuse_store.rates.redis import RedisRates
from keyfuse_store.settings import Settings


def open_rates(settings: Settings, database: Database) -> Rates:
    """The counter that the setting `limits` names.

    Raises:
        SettingsError: it is Redis, and there is no URL or no client for it.
    """
    return _PLACES[settings.limits](settings, database)


def _process(_settings: Settings, _database: Database) -> Rates:
    return ProcessRates()


def _database(_settings: Settings, database: Database) -> Rates:
    return DatabaseRates(database)


def _redis(settings: Settings, _database: Database) -> Rates:
    if settings.redis_url is None:
        raise SettingsError(
            "limits: 'redis' needs KEYFUSE_REDIS_URL, like redis://localhost:6379/0"
        )
    try:
        return RedisRates(settings.redis_url)
    except ImportError:
        raise SettingsError("limits: 'redis' needs its client: pip install redis") from None
    except ValueError:
        raise SettingsError("redis_url: must be a URL like redis://localhost:6379/0") from None


_PLACES: dict[str, Callable[[Settings, Database], Rates]] = {
    "process": _process,
    "database": _database,
    "redis": _redis,
}
