"""All operations of the management API; to add one, see `model.Operation`."""

from keyfuse_webhook.management import (
    audit_api,
    jobs_api,
    keys_api,
    leaks_api,
    new_keys_api,
    owners_api,
)
from keyfuse_webhook.management.model import AnyOperation

OPERATIONS: tuple[AnyOperation, ...] = (
    *keys_api.OPERATIONS,
    *new_keys_api.OPERATIONS,
    *owners_api.OPERATIONS,
    *leaks_api.OPERATIONS,
    *audit_api.OPERATIONS,
    *jobs_api.OPERATIONS,
)
