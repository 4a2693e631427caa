"""Partner alerts as values: what the body may hold, and what is answered."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_webhook.model import GITHUB
from keyfuse_webhook.partner_alerts import (
    MALFORMED_SIGNATURE,
    MISSING_SIGNATURE,
    NOT_A_LIST,
    NOT_JSON,
    Envelope,
    answer,
    read_alerts,
    read_envelope,
    strip_token,
)
from keyfuse_webhook.problem import Refusal
from support.keys import make_key

ID, SIGNATURE = GITHUB.id_header, GITHUB.signature_header


def read(records):
    alerts = read_alerts(json.dumps(records).encode())
    assert not isinstance(alerts, Refusal)
    return alerts


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title, lambda name: name])
def test_header_names_in_any_case_are_found(case):
    headers = [(case(ID), "abc123"), (case(SIGNATURE), "YWJj"), ("Host", "x")]
    assert read_envelope(headers, GITHUB) == Envelope("abc123", b"abc")


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ([], MISSING_SIGNATURE),
        ([(ID, "abc")], MISSING_SIGNATURE),
        ([(SIGNATURE, "YWJj")], MISSING_SIGNATURE),
        ([(ID, ""), (SIGNATURE, "YWJj")], MISSING_SIGNATURE),
        ([(ID, "abc"), (SIGNATURE, "  ")], MISSING_SIGNATURE),
        ([(ID, "abc"), (SIGNATURE, "no base64")], MALFORMED_SIGNATURE),
        ([(ID, "a b"), (SIGNATURE, "YWJj")], MALFORMED_SIGNATURE),
        ([(ID, "a" * 201), (SIGNATURE, "YWJj")], MALFORMED_SIGNATURE),
        ([(ID, "abc"), (ID, "abd"), (SIGNATURE, "YWJj")], MALFORMED_SIGNATURE),
        ([(ID, "abc"), (SIGNATURE, "YWJj"), (SIGNATURE, "YWJk")], MALFORMED_SIGNATURE),
    ],
)
def test_headers_that_name_no_one_signature_are_refused(headers, refusal):
    assert read_envelope(headers, GITHUB) == refusal


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"", NOT_JSON),
        (b"token=abc", NOT_JSON),
        (b"[", NOT_JSON),
        (b"[]x", NOT_JSON),
        (b"\xef\xbb\xbf[]", NOT_JSON),
        ("[]".encode("utf-16"), NOT_JSON),
        (b'["\xff"]', NOT_JSON),
        (b"[" * 100_000, NOT_JSON),
        (b"{}", NOT_A_LIST),
        (b"null", NOT_A_LIST),
        (b'"x"', NOT_A_LIST),
        (b"1", NOT_A_LIST),
    ],
)
def test_body_that_is_no_list_of_records_is_refused(body, refusal):
    assert read_alerts(body) == refusal


def test_empty_list_is_no_alert_and_no_error():
    assert read_alerts(b"[]") == []
    assert answer([], []) == b"[]"


@pytest.mark.parametrize(
    "odd",
    [None, 7, "text", [], {}, {"token": None}, {"token": 7}, {"token": 7e400}, {"token": True},
     {"token": ["x"]}, {"token": {"token": "x"}}, {"type": "t", "url": "u"}],
)  # fmt: skip
def test_record_without_a_string_token_costs_its_neighbours_nothing(odd):
    alerts = read([{"token": "first"}, odd, {"token": "last"}])
    assert [alert.token for alert in alerts] == ["first", "last"]


def test_number_too_long_for_an_integer_costs_its_neighbours_nothing():
    body = b'[{"token": ' + b"9" * 10_000 + b'}, {"token": "x"}]'
    alerts = read_alerts(body)
    assert not isinstance(alerts, Refusal)
    assert len(alerts) == 1


def test_last_of_two_equal_names_in_a_record_counts():
    alerts = read_alerts(b'[{"token": "a", "token": "b"}]')
    assert not isinstance(alerts, Refusal)
    assert [alert.token for alert in alerts] == ["b"]


def test_lone_surrogate_is_an_odd_token_and_no_crash():
    (alert,) = read([{"token": "\ud800", "url": "\ud800", "source": "\udfff"}])
    assert len(alert.token_hash) == 64
    assert alert.url == "?"


@pytest.mark.parametrize(
    ("source", "kept"),
    [("commit", "commit"), ("COMMIT", "commit"), ("Pull_Request_Title", "pull_request_title"),
     ("brand_new_place", "brand_new_place"), (None, None), ("", None), (7, None), ([], None),
     ("x" * 100, "x" * 64)],
)  # fmt: skip
def test_any_source_is_taken_as_it_is(source, kept):
    (alert,) = read([{"token": "x", "source": source}])
    assert alert.source == kept


def test_source_url_and_type_may_be_absent():
    (alert,) = read([{"token": "x"}])
    assert (alert.source, alert.url, alert.token_type) == (None, None, None)


@pytest.mark.parametrize("url", ["", "  ", None, 7, {}])
def test_record_without_a_usable_url_is_kept(url):
    (alert,) = read([{"token": "x", "url": url}])
    assert alert.url is None


def test_url_that_quotes_the_token_is_kept_without_it():
    token = make_key().reveal()
    (alert,) = read([{"token": token, "url": f"https://example.com/search?q={token}"}])
    assert alert.url is not None
    assert token not in alert.url


@pytest.mark.parametrize(
    "around",
    ["{}", " {}", "{}\n", "\t{}\r\n", '"{}"', "'{}'", "`{}`", "Bearer {}", "bearer  {}",
     '"Bearer {}"', 'Bearer "{}"', "secret-token:{}", " \"{}\" ", "Bearer secret-token:{}"],
)  # fmt: skip
def test_presentation_around_a_token_is_stripped(around):
    assert strip_token(around.format("tok_123")) == "tok_123"


@pytest.mark.parametrize("text", ["'tok\"", '"', "tok,", "x=tok", "Bearertok", "tok'"])
def test_anything_else_around_a_token_stays(text):
    assert strip_token(text) == text


def test_answer_is_in_input_order_with_hash_type_and_label_as_received():
    alerts = read([{"token": ' "b" ', "type": "my_type"}, {"token": "a", "type": "other"}])
    assert json.loads(answer(alerts, [True, False])) == [
        {
            "token_hash": hashlib.sha256(b' "b" ').hexdigest(),
            "token_type": "my_type",
            "label": "true_positive",
        },
        {
            "token_hash": hashlib.sha256(b"a").hexdigest(),
            "token_type": "other",
            "label": "false_positive",
        },
    ]


def test_alert_shows_no_token():
    token = make_key().reveal()
    (alert,) = read([{"token": token}])
    assert token not in repr(alert)
    assert token not in str(alert)


@given(st.binary())
def test_any_bytes_are_records_or_a_refusal(body):
    assert isinstance(read_alerts(body), (list, Refusal))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
fields = st.sampled_from(["token", "type", "url", "source", "x"])


@given(st.lists(st.dictionaries(fields, values, max_size=5), max_size=5))
def test_every_record_with_a_string_token_is_answered_once(records):
    alerts = read(records)
    assert len(alerts) == sum(isinstance(record.get("token"), str) for record in records)
    assert len(json.loads(answer(alerts, [False] * len(alerts)))) == len(alerts)
