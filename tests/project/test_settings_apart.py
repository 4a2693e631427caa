"""Settings of the service and policy of a repository never mix."""

from keyfuse_scanner.policy import SETTINGS
from keyfuse_scanner.service_settings import SERVICE_SETTINGS
from keyfuse_store import settings

TABLES = {"key_types", "origins", "scopes"}


def test_every_setting_of_the_service_is_refused_in_a_repository() -> None:
    files = {f"{name}_file" for name in settings._FROM_FILES}
    assert {*settings._PARSERS, *files, *TABLES} - SERVICE_SETTINGS == set()


def test_no_name_means_both() -> None:
    assert SERVICE_SETTINGS.isdisjoint(SETTINGS)
