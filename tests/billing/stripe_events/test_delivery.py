"""Webhooks over HTTP: what the sandbox delivers to a real web server is stored once, and settles the order."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import stripe_gateway as gateway
from billing.models import EventState, Purchase, StripeEvent
from billing.stripe_events import handlers, inbox
from tests.support import factories
from tests.support.billing.gateway_acts import charge, customer, key, order, save_card
from tests.support.billing.payments import Payments

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connected(at_stripe: Payments, live_url: str) -> Payments:
    """The sandbox, set to call a real web server."""
    at_stripe.control("endpoint", url=f"{live_url}/billing/webhooks/stripe/", secret=at_stripe.secret)
    return at_stripe


def test_everything_that_happens_is_stored_once_though_sent_twice_and_out_of_order(connected: Payments) -> None:
    connected.control("switch", deliveries={"duplicate": 5, "shuffle": True})
    buyer = customer()
    charge(buyer, save_card(connected, buyer))
    deliver_all(connected)

    kept = {row.event_id: row for row in StripeEvent.objects.all()}

    assert set(kept) == {event["id"] for event in connected.events()}
    assert all(not row.is_live and row.account == "" for row in kept.values())


def test_what_is_signed_wrongly_is_refused_and_comes_again(connected: Payments) -> None:
    connected.control("switch", deliveries={"mis_sign": 1})
    customer()
    deliver_all(connected)
    assert [delivery["answer"] for delivery in connected.state()["waiting"]] == [400]

    connected.advance(seconds=10)
    deliver_all(connected)

    assert StripeEvent.objects.count() == len(connected.events()) == 1


def test_what_got_lost_is_caught_up_with(connected: Payments) -> None:
    connected.control("switch", deliveries={"drop": 100})
    customer()
    deliver_all(connected)
    assert not StripeEvent.objects.exists()

    assert inbox.catch_up(since=timezone.now() - timedelta(hours=1)) == len(connected.events())


def test_a_paid_checkout_settles_its_order_from_whatever_came(
    connected: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[Any] = []
    monkeypatch.setattr(handlers, "settle_purchase", settled.append)
    purchase = Purchase.objects.create(
        reference="GRW-7K2M-9Q4T",
        organization=factories.organization(),
        credits=5_000,
        list_amount_minor=10_000,
        amount_minor=10_000,
        currency="JPY",
        method="card",
        form_token="token",
        created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=1),
    )
    checkout = gateway.create_checkout(order(customer(), purchase_id=purchase.pk), key=key())
    connected.pay(checkout.url)
    deliver_all(connected)

    inbox.process_due()

    assert set(settled) == {purchase.pk}
    about = StripeEvent.objects.filter(
        type__in=["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"]
    )
    assert [row.state for row in about] == [EventState.PROCESSED] * 3


def deliver_all(payments: Payments) -> None:
    """Let everything be delivered that is due, by whichever thread."""
    for _ in range(1_000):
        payments.settle()
        if all(
            delivery["answer"] is not None and delivery["status"] != "sending"
            for delivery in payments.state()["waiting"]
        ):
            return
    raise TimeoutError
