"""From the cause to the customer's server: spends, purchases and limits arrive signed and as they are documented."""

import json
from typing import Any

import jsonschema
import pytest
from django.test import Client

from organizations.members.membership import move_to_team
from tests.support import factories
from tests.support.billing.shop import open_shop
from tests.support.servers.webhook_receiver import Receiver
from tests.support.usage.usage_stage import NOW, set_up
from usage import limits
from usage.pricing import Measures
from webhooks.delivery import deliver_due
from webhooks.endpoints import create_endpoint


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/openapi.json").json()
    return found


@pytest.fixture
def secret(receiver: Receiver, stella: Any) -> str:
    """Of an endpoint for all organizations."""
    _endpoint, secret = create_endpoint(organization=None, url=receiver.url, allows_private=True, actor=stella, now=NOW)
    return secret


def received(receiver: Receiver, secret: str, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The data of what arrived, by type; each message was verified, and found to be as documented."""
    deliver_due()
    found = {}
    for message in receiver.messages:
        assert message.is_signed_with(secret)
        body = json.loads(message.body)
        schema = document["webhooks"][body["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(body, {**schema, "components": document["components"]})
        found[body["type"]] = body["data"]
    assert len(found) == len(receiver.messages)
    return found


def test_a_purchase_and_the_end_of_its_credits(receiver: Receiver, secret: str, document: dict[str, Any]) -> None:
    shop = open_shop("fluxori")
    bought = shop.buy()
    shop.driver.spend(shop.balance())
    shop.give(40)
    told = received(receiver, secret, document)

    assert told["purchase.paid"]["reference"] == bought.reference
    assert told["purchase.paid"]["balance"] == bought.credits
    assert told["balance.depleted"]["available"] == 0
    assert told["balance.restored"]["available"] == 40
    assert {data["organization"] for data in told.values()} == {"acme"}


@pytest.mark.parametrize("scope", ["organization", "team", "user"])
def test_a_limit_and_a_low_balance(receiver: Receiver, secret: str, document: dict[str, Any], scope: str) -> None:
    stage = set_up(credits=1_000, low_balance=950)
    research = factories.team(stage.organization)
    move_to_team(organization=stage.organization, user=stage.owner, team=research, actor=stage.owner)
    whose: dict[str, dict[str, Any]] = {
        "organization": {},
        "team": {"team": research},
        "user": {"user": stage.owner},
    }
    limits.set_limit(organization=stage.organization, credits=100, actor=stage.owner, now=NOW, **whose[scope])
    stage.pay("a", "enrich", measures=Measures(quantity=100))
    told = received(receiver, secret, document)

    assert told["limit.reached"]["scope"] == scope
    assert (told["limit.reached"]["limit"], told["limit.reached"]["used"]) == (100, 100)
    assert told["balance.low"]["available"] == 900
    assert set(told) == {"limit.reached", "balance.low"}
