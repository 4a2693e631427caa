"""What the service answers beside the management API, described for the same document.

These endpoints read and answer by themselves (`verify_endpoint`, `authorize_endpoint`,
`burn_endpoint`, `health`); a test asks each of them for what is promised here.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyfuse_store.openapi import BEARER, HEADER
from keyfuse_store.verdict import Code
from keyfuse_store.verify import COST_MAX
from keyfuse_store.wire import Json, Moment
from keyfuse_webhook.burn import MOST_TOKENS
from keyfuse_webhook.management.examples import KEY, OWNER_ID

_NOBODY: list[dict[str, list[str]]] = []
_ANYBODY: list[dict[str, list[str]]] = [{}, {BEARER: []}, {HEADER: []}]


class VerifyQuestion(Struct, forbid_unknown_fields=True):
    """May the holder of this key do that?"""

    key: str
    scopes: Annotated[list[str], Meta(description="All of these are needed.")] = []
    any_of: Annotated[list[str], Meta(description="One of these is needed.")] = []
    resource: Annotated[str, Meta(description="For keys held to one resource.")] | None = None
    client_address: Annotated[str, Meta(description="For keys held to networks.")] | None = None
    cost: Annotated[int, Meta(ge=0, le=COST_MAX)] = 1
    user_agent: Annotated[str, Meta(description="For the usage events.")] | None = None


class VerifyAnswer(Struct):
    """The verdict; of a key that was not proven it tells nothing but the code."""

    valid: bool
    code: Code
    id: str | UnsetType = UNSET
    prefix: str | UnsetType = UNSET
    owner: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    meta: Json | UnsetType = UNSET
    scopes: list[str] | UnsetType = UNSET
    expires: Moment | UnsetType | None = UNSET
    retry_after: float | UnsetType = UNSET


class LeakReport(Struct):
    """Leaked keys, and where they were seen in the reporter's words."""

    tokens: Annotated[list[str], Meta(min_length=1, max_length=MOST_TOKENS)]
    url: str | UnsetType = UNSET
    source: str | UnsetType = UNSET


class PortalRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose portal."""

    owner: Annotated[str, Meta(description="An owner's id or mail address.")]


class PortalLink(Struct):
    """A link that signs its owner in, once."""

    link: str
    owner_id: str
    expires: Moment


class Accepted(Struct):
    """The same for every report."""

    status: Literal["accepted"]


class Alive(Struct):
    """The process answers."""

    status: Literal["ok"]


class Ready(Struct):
    """Keys can be verified and revoked."""

    status: Literal["ready"]


# Answers, each with an example.
ANSWERS: Mapping[type[Struct], Mapping[str, object]] = {
    VerifyAnswer: {
        "valid": True,
        "code": "valid",
        **{
            name: KEY[name]
            for name in ("id", "prefix", "owner", "name", "meta", "scopes", "expires")
        },
    },
    PortalLink: {
        "link": "https://keys.example.com/portal/login/5f3c…",
        "owner_id": OWNER_ID,
        "expires": "2026-11-24T09:05:00Z",
    },
    Accepted: {"status": "accepted"},
    Alive: {"status": "ok"},
    Ready: {"status": "ready"},
}
OTHER_SHAPES = (VerifyQuestion, LeakReport, PortalRequest, *ANSWERS)


def _json(shape: type[Struct], example: Mapping[str, object]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {"application/json": {"schema": schema, "example": example}}


def _described(
    name: str,
    summary: str,
    answers: dict[int, type[Struct] | None],
    refusals: tuple[int, ...],
    **more: Any,
) -> dict[str, Any]:
    good = {
        str(status): {"description": "Done."}
        | ({"content": _json(shape, ANSWERS[shape])} if shape else {})
        for status, shape in answers.items()
    }
    bad = {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refusals)}
    described = {"operationId": name, "tags": ["service"], "summary": summary}
    return {**described, **more, "responses": good | bad}


def _body(shape: type[Struct], example: Mapping[str, object]) -> dict[str, Any]:
    return {"required": True, "content": _json(shape, example)}


OTHERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "/v1/verify",
        "post",
        _described(
            "verify",
            "Ask whether a key may do something; 200 once the question is clear.",
            {200: VerifyAnswer},
            (400, 401, 403, 413, 415, 503),
            description="On loopback nobody needs a credential; elsewhere it takes a key with "
            "`keyfuse:verify`, unless the service is set to `open_verify`.",
            security=_ANYBODY,
            requestBody=_body(
                VerifyQuestion, {"key": "acme_live_kf1…", "scopes": ["invoices:read"]}
            ),
        ),
    ),
    (
        "/v1/authorize",
        "get",
        _described(
            "authorize",
            "For gateways: may the request that brings this key pass? Takes every method.",
            {200: None},
            (401, 403, 429),
            description="200 comes with X-Keyfuse-Key-Id, -Owner and -Scopes.",
            security=_ANYBODY,
            parameters=[
                {
                    "name": "X-Keyfuse-Require-Scopes",
                    "in": "header",
                    "required": False,
                    "description": "What the request needs, set by the gateway.",
                    "schema": {"type": "string", "pattern": "^[!-~]*$"},
                }
            ],
        ),
    ),
    (
        "/v1/leaks",
        "post",
        _described(
            "reportLeak",
            "Burn leaked keys: whoever holds one may. The answer is the same for all.",
            {202: Accepted},
            (400, 413, 415, 429, 503),
            security=_NOBODY,
            requestBody=_body(LeakReport, {"tokens": ["acme_live_kf1…"], "source": "a forum"}),
        ),
    ),
    (
        "/v1/portal-sessions",
        "post",
        _described(
            "makePortalLink",
            "Make a link to the portal of one owner; it works once, within five minutes.",
            {201: PortalLink},
            (400, 401, 403, 404, 413, 415, 429, 503),
            description="Takes `keyfuse:portal.write`. 503 where `base_url` is not set.",
            requestBody=_body(PortalRequest, {"owner": "owner@example.com"}),
        ),
    ),
    (
        "/healthz",
        "get",
        _described("healthz", "The process answers.", {200: Alive}, (), security=_NOBODY),
    ),
    (
        "/readyz",
        "get",
        _described(
            "readyz",
            "Keys can be verified and revoked: schema and peppers fit, a commit gets through.",
            {200: Ready},
            (503,),
            security=_NOBODY,
        ),
    ),
)
