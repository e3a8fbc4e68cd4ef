"""Requests that nobody should send, and what every answer carries."""

import json
from typing import Any

import httpx
import pytest

from tests.support.usage.api_caller import Caller, assert_problem
from tests.support.usage.usage_stage import Stage
from usage.api.problems import PROBLEM_TYPES

USAGE = "/api/v1/usage"
GOOD = {"organization": "acme", "feature": "report"}


def send(caller: Caller, content: bytes, **headers: str) -> httpx.Response:
    own = {"Authorization": f"Bearer {caller.key}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    return caller.client.post(USAGE, content=content, headers={**own, **headers})


@pytest.mark.parametrize(
    "amount",
    # What int(), float() and other readers would take for a number.
    [
        *('"7"', '" 7 "', '"１２"', '"1_0"', "true", "7.0", "1e1", "-1", "NaN", "Infinity", "1000000000001"),
        *("9" * 25, "9" * 5_000, "[]", "{}", "0x10", "+7", "07"),
    ],
)
def test_it_refuses_what_is_no_whole_number(caller: Caller, served_stage: Stage, amount: str) -> None:
    body = f'{{"organization": "acme", "feature": "enrich", "quantity": {amount}}}'
    problem = assert_problem(send(caller, body.encode()), 422, "invalid")
    assert problem["errors"][0]["field"] in {"quantity", ""}
    assert served_stage.balance() == 10_000


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", ""),
        (b"null", ""),
        (b"[]", ""),
        (b'"text"', ""),
        (b"{", ""),
        (json.dumps(GOOD).encode() + b" x", ""),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), ""),
        (b'{"organization": "\xff", "feature": "report"}', ""),
        (b'{"organization": "\\ud800", "feature": "report"}', ""),
        (b'{"organization": "ac\\u0000me", "feature": "report"}', "organization"),
        (b'{"organization": "acme", "feature": "re\\nport"}', "feature"),
        (b'{"organization": "", "feature": "report"}', "organization"),
        (b'{"organization": "acme", "feature": "report", "feature": "query"}', "feature"),
        (b'{"organization": "acme", "feature": "report", "resource": {"a": 1, "a": 2}}', "a"),
        (b'{"organization": "acme", "feature": "report", "resource": {"a": "\\u0000"}}', "resource[...]"),
        (b'{"organization": "acme", "feature": "report", "resource": {"\\u0000": "a"}}', "resource"),
        (b'{"organization": "acme", "feature": "report", "resource": {"a": {"b": 1}}}', "resource[...]"),
        (b'{"organization": "acme", "feature": "report", "resource": ' + b"[" * 100_000, "resource"),
        (b'{"organization": "acme", "feature": "report", "occurred_at": "2026-03-01T00:00:00"}', "occurred_at"),
        (b'{"organization": "acme", "feature": "report", "occurred_at": "0001-01-01T00:00:00+14:00"}', "occurred_at"),
        (b'{"organization": "acme", "feature": "report", "occurred_at": "9999-12-31T23:59:59-14:00"}', "occurred_at"),
        (b'{"organization": "acme", "feature": "report", "is_staff": true}', "is_staff"),
        (b'{"organization": "acme"}', "feature"),
        (json.dumps({**GOOD, "user": "x" * 255}).encode(), "user"),
        (json.dumps({**GOOD, "resource": {str(i): i for i in range(21)}}).encode(), "resource"),
    ],
)
def test_it_names_the_field_that_is_wrong(caller: Caller, served_stage: Stage, content: bytes, field: str) -> None:
    problem = assert_problem(send(caller, content), 422, "invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert served_stage.balance() == 10_000


def test_it_refuses_nesting_in_a_batch(caller: Caller) -> None:
    deep = b'{"uses": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
    headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
    response = caller.client.post(f"{USAGE}/batch", content=deep, headers=headers)
    assert_problem(response, 422, "invalid")


@pytest.mark.parametrize("key", ["", "k" * 201, "k" * 8_000, "sch\u00fc", "a\tb"])
def test_it_refuses_a_key_that_is_missing_long_or_not_printable(caller: Caller, key: str) -> None:
    for path in (USAGE, "/api/v1/reservations", f"/api/v1/usage/use_{'0' * 32}/refund"):
        headers = httpx.Headers({"Authorization": f"Bearer {caller.key}", "Idempotency-Key": key}, encoding="latin-1")
        response = caller.client.post(path, json=GOOD, headers=headers)
        problem = assert_problem(response, 422, "invalid")
        assert problem["errors"][0]["field"] == "Idempotency-Key"


def test_it_accepts_every_printable_key(caller: Caller) -> None:
    for key in ("k" * 200, '"quoted"', "~ !{}[]\\'%s"):
        assert caller.spend(key=key).status_code == 201


def test_it_takes_json_only(caller: Caller) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert_problem(send(caller, json.dumps(GOOD).encode(), **{"Content-Type": kind}), 415, "unsupported_media_type")
    good = send(caller, json.dumps(GOOD).encode(), **{"Content-Type": "application/json; charset=utf-8"})
    assert good.status_code == 201


def test_it_refuses_more_than_four_megabytes(caller: Caller) -> None:
    response = send(caller, b" " * (4 * 1024 * 1024 + 1))
    assert_problem(response, 413, "content_too_large")
    assert caller.spend().status_code == 201, "the connection is usable after"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (USAGE, "POST"),
        ("/api/v1/usage/batch", "POST"),
        ("/api/v1/usage/use_1/refund", "POST"),
        ("/api/v1/reservations", "POST"),
        ("/api/v1/reservations/res_1/settle", "POST"),
        ("/api/v1/reservations/res_1/release", "POST"),
        ("/api/billing/credits", "GET"),
        ("/api/v1/organizations/acme/balance", "GET"),
    ],
)
def test_it_says_which_method_an_address_answers(caller: Caller, path: str, allowed: str) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {allowed}:
        response = caller.client.request(method, path)
        assert_problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == allowed


def test_it_answers_unknown_addresses_as_a_problem(caller: Caller) -> None:
    for path in ("/api/v1/nothing", "/api/v2/usage", "/api/v1/usage/", "/api/v1/organizations/a/b/balance"):
        assert_problem(caller.client.get(path), 404, "not_found")
        assert_problem(caller.client.post(path, json=GOOD), 404, "not_found")


def test_every_answer_carries_the_security_headers(caller: Caller) -> None:
    answers: list[Any] = [
        caller.spend(),
        caller.spend("nope"),
        caller.get("/api/billing/credits"),
        caller.client.get("/api/v1/nothing"),
        caller.client.get("/api/openapi.json"),
        caller.client.get("/api/docs"),
        send(caller, b"{"),
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Permissions-Policy"]
        assert "Set-Cookie" not in answer.headers
    assert answers[0].headers["Cache-Control"] == answers[1].headers["Cache-Control"] == "no-store"


def test_each_type_of_problem_leads_to_a_page_that_explains_it(caller: Caller) -> None:
    for slug, kind in PROBLEM_TYPES.items():
        page = caller.client.get(f"/api/problems/{slug}")
        assert page.status_code == 200
        assert slug in page.text
        assert kind.title in page.text
    assert caller.client.get("/api/problems/nothing").status_code == 404
