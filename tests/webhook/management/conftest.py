"""The management API of a service in this process, and an administrator of it."""

from collections.abc import Callable
from typing import Any

import pytest

from keyfuse_store.settings import Settings
from support.management import ADMIN, Api


@pytest.fixture
def api(settings: Callable[..., Settings], open_service: Callable[..., Any]) -> Api:
    service = open_service(settings())
    return Api(service, None).holding(ADMIN)
