"""A database that doesn't answer: 503 with Retry-After, nothing written, and the same key works afterwards."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from credits.models import Wallet
from tests.support.usage import usage_stage
from tests.support.usage.api_caller import new_key
from tests.support.usage.usage_stage import Stage
from usage.api import spending
from usage.api.batching import TooManyWait
from usage.metering import meter, reservations


@pytest.fixture
def acme(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage, and connections that wait for locks no longer than a test may."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", "-c lock_timeout=100ms")
    connection.close()
    # A connection for spends that an earlier test opened goes by the old time-out.
    spending.close_connection()
    monkeypatch.setattr(spending, "_connection_of_spends", None)
    yield usage_stage.set_up()
    spending.close_connection()
    connection.close()


@pytest.fixture
def call(acme: Stage) -> Any:
    """Post as acme's product server, in this process."""
    key = new_key(acme.owner, acme.organization)
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
    return lambda path, body: Client(headers=headers).post(path, body, content_type="application/json")


@contextmanager
def blocked(wallet: Wallet) -> Iterator[None]:
    """Let another transaction hold the wallet."""
    holds, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Wallet.objects.select_for_update().get(pk=wallet.pk)
            holds.set()
            may_end.wait(60)
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        holder = thread.submit(hold)
        assert holds.wait(60)
        try:
            yield
        finally:
            may_end.set()
            holder.result(60)


def test_a_blocked_wallet_is_a_503_and_a_second_try_succeeds(acme: Stage, call: Any) -> None:
    reserved = reservations.reserve(acme.use("r", "query"), credits=20)
    report = {"organization": "acme", "feature": "report"}
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/api/v1/usage", report),
        ("/api/v1/usage/batch", {"uses": [{**report, "idempotency_key": "b"}]}),
        ("/api/v1/reservations", {"organization": "acme", "feature": "query", "credits": 10}),
        (f"/api/v1/reservations/res_{reserved.id.hex}/settle", {"credits": 10}),
    ]
    with blocked(acme.wallet):
        for path, body in requests:
            response = call(path, body)
            assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json"), path
            assert response["Retry-After"] == "1"
            assert response.json()["type"] == "/api/problems/unavailable"
    assert acme.balance() == 10_000
    for path, body in requests:
        response = call(path, body)
        assert response.status_code in {200, 201}, path
        assert "Idempotent-Replayed" not in response, "nothing had been written"


def test_too_many_at_once_is_a_429(acme: Stage, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise TooManyWait

    monkeypatch.setattr(spending._batcher, "submit", full)
    response = call("/api/v1/usage", {"organization": "acme", "feature": "report"})
    assert (response.status_code, response["Retry-After"]) == (429, "1")
    assert response.json()["type"] == "/api/problems/too_many_requests"


def test_a_defect_shows_no_trace_of_itself(acme: Stage, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(meter, "meter", broken)
    for path in ("/api/v1/usage", "/api/v1/usage/batch"):
        body = {"organization": "acme", "feature": "report"}
        response = call(path, {"uses": [{**body, "idempotency_key": "b"}]} if path.endswith("batch") else body)
        assert response.status_code == 500
        assert response.json()["type"] == "/api/problems/internal_error"
        assert b"secret" not in response.content
        assert b"Traceback" not in response.content
