"""A walk through the gateway at the real Stripe, in test mode: does what we believe about it still hold?

    STRIPE_SMOKE_KEY=sk_test_… make test ARGS="tests/live_stripe -n 0"

Skipped without that key; a live key is refused. It leaves a customer, a few payments of test cards and a price in the
account's test data. The portal's settings must have been saved once in Stripe's dashboard (test mode).
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from billing import stripe_gateway as gateway
from tests.support.billing.gateway_acts import BACK, DONE, charge, order

KEY = os.environ.get("STRIPE_SMOKE_KEY", "")
RUN = uuid4().hex

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not KEY.startswith("sk_test_"), reason="needs a real test key in STRIPE_SMOKE_KEY"),
]


@pytest.fixture(autouse=True)
def _at_the_real_stripe(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY, settings.PAYMENTS_SANDBOX_URL = KEY, ""


@pytest.fixture
def buyer() -> str:
    return gateway.ensure_customer(
        organization_id=1, name="Smoke test", email="smoke@example.com", language="en", key=f"{RUN}:customer"
    )


def test_a_checkout_opens_and_expires(buyer: str) -> None:
    asked = order(buyer, amount_minor=1_000, currency="EUR")
    checkout = gateway.create_checkout(asked, key=f"{RUN}:checkout")

    state = gateway.read_checkout(checkout.session_id)
    assert checkout.url.startswith("https://checkout.stripe.com/")
    assert (state.status, state.amount_minor, state.currency) == ("open", 1_000, "EUR")
    assert state.purchase_id == asked.purchase_id
    assert gateway.expire_checkout(checkout.session_id).status == "expired"
    assert gateway.expire_checkout(checkout.session_id).status == "expired"


def test_a_card_can_be_put_on_file(buyer: str) -> None:
    checkout = gateway.create_setup_checkout(
        customer=buyer, currency="EUR", locale="en", success_url=DONE, cancel_url=BACK, key=f"{RUN}:setup"
    )

    assert gateway.read_checkout(checkout.session_id).mode == "setup"
    assert gateway.list_payment_methods(buyer) == []


def test_a_payment_is_taken_once_found_and_refunded(buyer: str) -> None:
    purchase = uuid4()
    asked: dict[str, Any] = {"purchase_id": purchase, "key": f"{RUN}:charge", "currency": "EUR"}
    payment = charge(buyer, "pm_card_visa", **asked)

    assert charge(buyer, "pm_card_visa", **asked).id == payment.id
    assert (payment.status, payment.received_minor, payment.purchase_id) == ("succeeded", 2_000, purchase)
    assert payment.id in {each.id for each in gateway.find_payments(since=datetime.now(UTC) - timedelta(minutes=5))}

    row = uuid4()
    gateway.create_refund(payment_id=payment.id, amount_minor=500, refund_id=row, key=f"{RUN}:refund")
    assert [refund.refund_id for refund in gateway.read_refunds(payment.id)] == [row]
    assert gateway.read_payment(payment.id).refunded_minor == 500
    assert gateway.read_disputes(payment.id) == []


def test_declines_are_told_apart(buyer: str) -> None:
    with pytest.raises(gateway.Declined) as declined:
        charge(buyer, "pm_card_visa_chargeDeclinedInsufficientFunds", key=f"{RUN}:declined")
    assert (declined.value.code, declined.value.decline_code) == ("card_declined", "insufficient_funds")
    assert gateway.read_payment(declined.value.payment_id or "").received_minor == 0

    with pytest.raises(gateway.AuthenticationRequired):
        charge(buyer, "pm_card_authenticationRequired", key=f"{RUN}:authentication")


def test_a_price_and_the_portal(buyer: str) -> None:
    asked: dict[str, Any] = {"plan_key": f"smoke-{RUN}", "name": "Smoke", "amount_minor": 500, "currency": "EUR"}
    price = gateway.ensure_price(**asked, key=f"{RUN}:price")

    assert gateway.ensure_price(**asked, key=f"{RUN}:price-again") == price
    assert gateway.create_portal(customer=buyer, return_url=BACK, locale="en", key=f"{RUN}:portal").startswith("https")


def test_events_can_be_listed() -> None:
    found = list(gateway.find_events(datetime.now(UTC) - timedelta(minutes=5)))

    assert all(not event.is_live and event.id.startswith("evt_") for event in found)
