"""Say in an OpenAPI document how the API wants its keys.

FastAPI: `app.openapi = lambda: secured(original())`; any other: `secured(document)`.
"""

from collections.abc import Mapping
from typing import Any

from keyfuse_store.credentials import API_KEY_HEADER

BEARER = "keyfuseBearer"
HEADER = "keyfuseHeader"


def security_schemes(header: str = API_KEY_HEADER) -> dict[str, dict[str, str]]:
    """The security scheme objects of OpenAPI 3: either of them will do."""
    return {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key as `Authorization: Bearer KEY`.",
        },
        HEADER: {
            "type": "apiKey",
            "in": "header",
            "name": header,
            "description": "The same API key in a header of its own.",
        },
    }


def secured(document: Mapping[str, Any], *, header: str = API_KEY_HEADER) -> dict[str, Any]:
    """A copy of an OpenAPI document in which every operation asks for a key.

    An operation with a `security` of its own keeps it: `[]` says that it needs none.
    """
    components = dict(document.get("components", {}))
    known = dict(components.get("securitySchemes", {}))
    components["securitySchemes"] = known | security_schemes(header)
    return {**document, "components": components, "security": [{BEARER: []}, {HEADER: []}]}
