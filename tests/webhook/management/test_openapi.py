"""The document says what the service does, and its pages load nothing from elsewhere."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from keyfuse_store import wire, wire_leaks
from keyfuse_store.evidence import Evidence
from keyfuse_store.scopes import MANAGEMENT_SCOPES
from keyfuse_webhook.management.api import OPERATIONS
from keyfuse_webhook.management.model import JSON_LINES, Nothing
from keyfuse_webhook.management.openapi import document
from keyfuse_webhook.management.others import ANSWERS
from support.leaking import record_leak
from support.management import Api

DOCUMENT = document()


def test_the_document_is_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_the_service_serves_the_document(api: Api) -> None:
    answer = api.with_token(None).send("GET", "/openapi.json")
    assert answer.json() == DOCUMENT
    assert answer.headers["content-type"] == "application/json"


def test_every_operation_is_in_it_once_with_an_example_of_its_shape() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    for operation in OPERATIONS:
        described = DOCUMENT["paths"][operation.path][operation.method.lower()]
        assert described["operationId"] == operation.name
        assert operation.scope in MANAGEMENT_SCOPES
        for answered in operation.answers.values():
            if answered.shape is not None:
                msgspec.convert(answered.example, answered.shape)
        if operation.body is not Nothing:
            msgspec.convert(operation.example, operation.body)


def test_every_json_of_the_document_has_an_example_of_its_shape() -> None:
    for shape, example in ANSWERS.items():
        msgspec.convert(example, shape)
    for methods in DOCUMENT["paths"].values():
        for described in methods.values():
            for said in (described.get("requestBody", {}), *described["responses"].values()):
                for kind, content in said.get("content", {}).items():
                    assert kind == JSON_LINES or content["example"], described["operationId"]


def test_no_status_is_promised_twice_or_without_a_description() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            assert described["responses"], (path, method)
            for status, answer in described["responses"].items():
                reference = answer.get("$ref", "").rpartition("/")[2]
                assert reference in {"", status}
                assert reference or answer["description"]


def test_the_shapes_of_the_answers_are_those_of_the_values(api: Api) -> None:
    """What the store writes has every field of its shape, of the right kind, and no other."""
    issued = api.issue(scopes=["a:b"], quota="5/day", meta={"a": [1, None]})
    record_leak(api.store, issued, Evidence("report", "possession"))
    api.store.verify(issued.token)
    api.store.flush()
    key_id = issued.key.id
    for value, shape in (
        (api.store.get(key_id), wire.KeyWire),
        (api.store.owner("owner@example.com"), wire.OwnerWire),
        (api.store.leaks()[0], wire_leaks.LeakWire),
        (api.store.leak(key_id), wire_leaks.IncidentWire),
        (api.store.entries()[0], wire.EntryWire),
        (api.store.usage(key_id), wire.UsageWire),
    ):
        written: Any = value.as_json()  # type: ignore[attr-defined]
        names = {field.encode_name for field in msgspec.structs.fields(shape)}
        assert set(written) == names, shape
        read = msgspec.convert(written, shape)
        assert json.loads(msgspec.json.encode(read)) == json.loads(json.dumps(written))
        back = read if isinstance(read, wire_leaks.IncidentWire) else read.value()
        assert json.dumps(back.as_json()) == json.dumps(written)


def test_the_page_for_people_lists_every_scope() -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `(keyfuse:[a-z.]+)` \| (.+) \|$", page, re.MULTILINE))
    assert listed == dict(MANAGEMENT_SCOPES)


class Loaded(HTMLParser):
    """What a page has a browser fetch, run or send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in {"script", "img", "iframe", "object", "embed", "form", "base"}:
            self.found.append(tag)
        if tag == "link" or any(name.startswith("on") or name == "style" for name in named):
            self.found.append(tag)
        if tag == "a" and not str(named["href"]).startswith(("#", "openapi.json")):
            self.found.append(str(named["href"]))


def test_the_page_loads_nothing(api: Api) -> None:
    answer = api.with_token(None).send("GET", "/docs")
    page = Loaded()
    page.feed(answer.text)
    assert page.found == []
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "@import" not in answer.text
    assert not re.search(r"url\(", answer.text)
    for operation in OPERATIONS:
        assert f"{operation.method} {operation.path}" in answer.text


@pytest.mark.parametrize("role", ["public", "private"])
def test_a_role_serves_only_what_is_its_own(settings: Any, open_service: Any, role: str) -> None:
    service = open_service(settings(), role=role)
    found = service.request("GET", "/openapi.json")
    assert (found.status_code == 200) == (role == "private")
    if role == "private":
        assert "post" not in found.json()["paths"]["/v1/leaks"]
        assert service.request("POST", "/v1/leaks").status_code == 405
    else:
        assert service.request("GET", "/v1/leaks").status_code == 405
        assert service.request("GET", "/v1/keys").status_code == 404
