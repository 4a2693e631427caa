"""The management API as the holder of a key sees it, on a service in this process."""

from typing import Any

import httpx

from keyfuse_store import KeyStore

ADMIN = "keyfuse:admin"


class Api:
    """The API as the holder of one management key sees it."""

    def __init__(self, service: Any, token: str | None, key_id: str = "") -> None:
        self.service = service
        self.store: KeyStore = service.store
        self.key_id = key_id
        self._token = token

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return self.service.request(method, path, headers=headers, **options)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.send("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        named = _fields(headers)
        options = {} if body is None else {"json": body}
        return self.send("POST", path, headers=named, **options)

    def patch(self, path: str, body: object, **headers: str) -> httpx.Response:
        named = _fields(headers)
        return self.send("PATCH", path, json=body, headers=named)

    def holding(self, *scopes: str, **options: Any) -> "Api":
        """The same service for a management key that holds these scopes."""
        order = {"prefix": "keyfuse_ops", "owner": "ops@example.com", "admin": True} | options
        issued = self.store.issue(scopes=scopes, **order)
        return Api(self.service, issued.token.reveal(), issued.key.id)

    def with_token(self, token: str | None) -> "Api":
        return Api(self.service, token)

    def issue(self, **options: Any) -> Any:
        order = {"prefix": "acme_live", "owner": "owner@example.com", "name": "ci"}
        return self.store.issue(**(order | options))


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which is a whole RFC 9457 body."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:keyfuse:problem:{body['code']}"
    return answer.status_code, body["code"]


def _fields(headers: dict[str, str]) -> dict[bytes, bytes]:
    """Header fields as they go over the wire, where any byte may come."""
    return {
        name.replace("_", "-").encode("ascii"): value.encode("latin-1")
        for name, value in headers.items()
    }
