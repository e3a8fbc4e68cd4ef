"""What receivers are told about webhooks is true: the document, the code that verifies, what is really emitted."""

import time
from datetime import UTC, datetime
from typing import Any

import jsonschema
import msgspec
import pytest
from django.test import Client
from django.utils.html import escape

from domain_events import registry
from domain_events.declarations import DomainEvent
from tests.support import factories
from tests.webhooks.conftest import NOW
from webhooks import signing
from webhooks.event_types import documented
from webhooks.models import WebhookEvent
from webhooks.reference import VERIFY
from webhooks.views.docs import example


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/openapi.json").json()
    return found


def check(document: dict[str, Any], message: dict[str, Any]) -> None:
    """Raise where the document does not describe the message."""
    schema = document["webhooks"][message["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(message, {**schema, "components": document["components"]})


def test_every_type_is_documented(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == {each.name for each in documented()}
    assert set(document["webhooks"]) - {"test"} == {event.name for event in registry.every() if event.is_webhook}
    assert document["openapi"].startswith("3.1")


def test_a_document_with_the_calls_left_as_they_were(document: dict[str, Any]) -> None:
    assert "/api/v1/usage" in document["paths"]
    assert "Problem" in document["components"]["schemas"]


@pytest.mark.parametrize("change", [{"available": "480"}, {"extra": 1}])
def test_the_example_is_as_documented_and_nothing_near_it(document: dict[str, Any], change: dict[str, Any]) -> None:
    check(document, example())
    with pytest.raises(jsonschema.ValidationError):
        check(document, {**example(), "data": {**example()["data"], **change}})


@pytest.mark.parametrize("event", [event for event in registry.every() if event.is_webhook], ids=lambda each: each.name)
def test_the_sample_of_every_event_is_as_documented(document: dict[str, Any], event: DomainEvent[Any]) -> None:
    data = msgspec.to_builtins(event.sample)

    check(document, {"type": event.name, "timestamp": "2026-03-01T12:00:00Z", "data": data})


class TestTheCodeThatVerifies:
    @pytest.fixture
    def verify(self) -> Any:
        names: dict[str, Any] = {}
        exec(VERIFY, names)
        return names["verify"]

    def test_accepts_what_is_signed_and_nothing_else(self, verify: Any) -> None:
        old, new = signing.new_secret(), signing.new_secret()
        now = datetime.fromtimestamp(time.time(), tz=UTC)
        headers = signing.headers(message_id="evt_1", body=b"{}", secrets=[new, old], now=now)

        assert verify(old, headers, b"{}")
        assert verify(new, headers, b"{}")
        assert not verify(new, headers, b"{ }")
        assert not verify(new, {**headers, "webhook-id": "evt_2"}, b"{}")
        assert not verify(signing.new_secret(), headers, b"{}")

    def test_refuses_what_is_old(self, verify: Any) -> None:
        secret = signing.new_secret()
        headers = signing.headers(message_id="evt_1", body=b"{}", secrets=[secret], now=NOW)

        assert not verify(secret, headers, b"{}")


def test_the_page_names_every_event_and_field(client: Client) -> None:
    page = client.get("/api/webhooks").content.decode()

    for each in documented():
        assert f">{each.name}</th>" in page
        assert escape(each.description) in page
    for field in ["available", "month_on", "amount_minor", "webhook-signature"]:
        assert field in page
    assert client.post("/api/webhooks").status_code == 405


def test_an_event_in_the_database_is_one_that_is_documented(document: dict[str, Any], db: None) -> None:
    """The test event; those of balances, purchases and limits are checked where they are emitted."""
    from webhooks.by_hand import send_test
    from webhooks.endpoints import create_endpoint

    stella = factories.staff()
    for owner in [None, factories.organization()]:
        endpoint, _secret = create_endpoint(organization=owner, url="https://a.example/", actor=stella)
        send_test(endpoint=endpoint, actor=stella)
    for event in WebhookEvent.objects.all():
        check(document, {"type": event.type, "timestamp": "2026-03-01T12:00:00Z", "data": event.data})
