"""The OpenAPI 3.1 document, made from the operations and nothing else."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from keyfuse_store.openapi import secured
from keyfuse_store.scopes import MANAGEMENT_SCOPES
from keyfuse_webhook.management.api import OPERATIONS
from keyfuse_webhook.management.model import JSON_LINES, AnyOperation, Nothing
from keyfuse_webhook.management.others import OTHER_SHAPES, OTHERS
from keyfuse_webhook.management.refusals import TITLES, problem

Document = dict[str, Any]

_SCHEMAS = "#/components/schemas/{name}"
# Whatever an operation is, its caller may be nobody, somebody else, too fast, or unlucky.
_ALWAYS = frozenset({400, 401, 403, 429, 503})
_ABOUT = """Manage keys, owners, incidents of leaked keys, the audit record and jobs.

Send a management key (`keyfuse keys issue --admin`) as `Authorization: Bearer KEY`. A list gives
`next`: hand it in as `after` for the page behind; `null` is the end. A refusal is an RFC 9457
problem with a stable `code`, and with the `field` that is wrong where there is one."""
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Made up by the client for this one request: a repetition within a day is "
    "answered 200 with the same key and without its plaintext.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~][ -~]*$"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that was seen; 412 if the key is another by now.",
    "schema": {"type": "string"},
    "example": '"0123456789abcdef0123456789abcdef"',
}
_KEY_ID = {"type": "string", "pattern": "^[0-9A-Za-z]{10}$"}
_NAME = {"type": "string", "minLength": 1, "maxLength": 254}


class Problem(msgspec.Struct):
    """Why a request was refused (RFC 9457); nothing of the request is repeated."""

    type: str
    title: str
    status: int
    code: str
    field: str | msgspec.UnsetType = msgspec.UNSET
    problem: str | msgspec.UnsetType = msgspec.UNSET
    scopes: list[str] | msgspec.UnsetType = msgspec.UNSET
    errors: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


def document(*, leaks: bool = True) -> Document:
    """The document of a service.

    Args:
        leaks: Whether it takes reports of leaks, which is a thing of the public role.
    """
    schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    for path, method, described in OTHERS:
        if leaks or (path, method) != ("/v1/leaks", "post"):
            paths.setdefault(path, {})[method] = described
    return secured(
        {
            "openapi": "3.1.0",
            "info": {"title": "keyfuse", "version": version("keyfuse"), "description": _ABOUT},
            "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in OPERATIONS)],
            "paths": paths,
            "components": {"schemas": schemas, "responses": _responses()},
        }
    )


def statuses(operation: AnyOperation) -> frozenset[int]:
    """Every status that an operation refuses with."""
    found = set(_ALWAYS | operation.refusals)
    if "{" in operation.path:
        found.add(404)
    if operation.body is not Nothing:
        found |= {413, 415, 422}
    if operation.query is not Nothing:
        found.add(422)
    if operation.idempotent:
        found.add(422)
    if operation.conditional:
        found.add(412)
    return frozenset(found)


def _operation(operation: AnyOperation) -> Document:
    parameters = [*_path_parameters(operation.path), *_query_parameters(operation.query)]
    if operation.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    if operation.conditional:
        parameters.append(_IF_MATCH)
    described: Document = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"Takes `{operation.scope}`: {MANAGEMENT_SCOPES[operation.scope]}.",
        "parameters": parameters,
        "responses": {
            **{str(status): _answer(operation, status) for status in sorted(operation.answers)},
            **{
                str(status): {"$ref": f"#/components/responses/{status}"}
                for status in sorted(statuses(operation))
            },
        },
    }
    if operation.body is not Nothing:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {
                "application/json": {
                    "schema": _reference(operation.body),
                    "example": operation.example,
                }
            },
        }
    return described


def _answer(operation: AnyOperation, status: int) -> Document:
    answered = operation.answers[status]
    if answered.shape is None:
        return {
            "description": "One JSON object a line.",
            "content": {JSON_LINES: {"schema": {"type": "string"}}},
        }
    content = {"schema": _reference(answered.shape), "example": answered.example}
    answer: Document = {
        "description": _DONE[status],
        "content": {"application/json": content},
    }
    if answered.headers:
        answer["headers"] = {name: {"schema": {"type": "string"}} for name in answered.headers}
    return answer


_DONE = {200: "Done.", 201: "Made."}
_LATER = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
_HEADERS: Mapping[int, Document] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: _LATER,
    503: _LATER,
}
_MORE: Mapping[int, Document] = {
    400: {"field": "limit", "problem": "Expected `int` >= 1"},
    403: {"scopes": ["keyfuse:admin"]},
    422: {"field": "expires_at", "problem": "must lie in the future"},
}


def _path_parameters(path: str) -> Iterable[Document]:
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            schema = _KEY_ID if name == "key_id" else _NAME
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(kind: type[msgspec.Struct]) -> Iterable[Document]:
    (_,), components = msgspec.json.schema_components([kind], ref_template=_SCHEMAS)
    shape = components[kind.__name__]
    for name, schema in shape["properties"].items():
        parameter = {
            "name": name,
            "in": "query",
            "required": name in shape["required"],
            "schema": _not_null(schema),
        }
        if parameter["schema"].get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")
        yield parameter


def _not_null(schema: Mapping[str, Any]) -> Document:
    """A parameter is missing or it is text: it is never null."""
    if "anyOf" not in schema:
        return {**schema}
    (only,) = (one for one in schema["anyOf"] if one != {"type": "null"})
    return {**only}


def _schemas() -> Document:
    shapes: list[Any] = [Problem, *OTHER_SHAPES]
    for operation in OPERATIONS:
        shapes += [one.shape for one in operation.answers.values() if one.shape is not None]
        shapes += [operation.body] if operation.body is not Nothing else []
    _, components = msgspec.json.schema_components(shapes, ref_template=_SCHEMAS)
    return dict(components)


def _responses() -> Document:
    return {str(status): _refusal(status) for status in sorted(TITLES)}


def _refusal(status: int) -> Document:
    described: Document = {
        "description": TITLES[status],
        "content": {
            "application/problem+json": {
                "schema": {"$ref": _SCHEMAS.format(name="Problem")},
                "example": problem(status, **_MORE.get(status, {})),
            }
        },
    }
    if status in _HEADERS:
        described["headers"] = _HEADERS[status]
    return described


def _reference(shape: type) -> Document:
    return {"$ref": _SCHEMAS.format(name=shape.__name__)}
