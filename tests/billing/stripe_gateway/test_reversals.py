"""Refunds, disputes, plans, invoices and events through the real library."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from billing import stripe_gateway as gateway
from tests.support.billing.gateway_acts import charge, customer, key, save_card, subscribe
from tests.support.billing.payments import Payments

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_stripe")]

DISPUTED = "4000000000000259"
REFUND_FAILS = "4000000000005126"


@pytest.fixture
def payment(at_stripe: Payments) -> gateway.PaymentState:
    buyer = customer()
    return charge(buyer, save_card(at_stripe, buyer))


class TestRefunds:
    def test_parts_add_up(self, payment: gateway.PaymentState) -> None:
        ours = [uuid4(), uuid4()]
        for amount, row in zip([500, 700], ours, strict=True):
            refund = gateway.create_refund(payment_id=payment.id, amount_minor=amount, refund_id=row, key=key())
            assert (refund.status, refund.amount_minor, refund.currency) == ("succeeded", amount, "JPY")
            assert (refund.refund_id, refund.payment_id) == (row, payment.id)

        assert gateway.read_payment(payment.id).refunded_minor == 1_200
        assert {refund.refund_id for refund in gateway.read_refunds(payment.id)} == set(ours)
        assert len(list(gateway.find_refunds(datetime.now(UTC) - timedelta(hours=1)))) == 2

    def test_more_than_was_paid_is_refused(self, payment: gateway.PaymentState) -> None:
        with pytest.raises(gateway.Refused):
            gateway.create_refund(payment_id=payment.id, amount_minor=2_001, refund_id=uuid4(), key=key())
        assert gateway.read_payment(payment.id).refunded_minor == 0

    def test_all_of_it_twice_is_refused(self, payment: gateway.PaymentState) -> None:
        gateway.create_refund(payment_id=payment.id, amount_minor=2_000, refund_id=uuid4(), key=key())

        with pytest.raises(gateway.Refused) as refused:
            gateway.create_refund(payment_id=payment.id, amount_minor=2_000, refund_id=uuid4(), key=key())
        assert refused.value.code == "charge_already_refunded"

    def test_the_same_key_refunds_once(self, payment: gateway.PaymentState) -> None:
        row, same = uuid4(), key()
        for _ in range(2):
            gateway.create_refund(payment_id=payment.id, amount_minor=500, refund_id=row, key=same)

        assert gateway.read_payment(payment.id).refunded_minor == 500

    @pytest.mark.parametrize("amount", [0, -1])
    def test_nothing_is_not_refunded(self, payment: gateway.PaymentState, amount: int) -> None:
        with pytest.raises(gateway.Refused):
            gateway.create_refund(payment_id=payment.id, amount_minor=amount, refund_id=uuid4(), key=key())

    def test_one_that_fails_later(self, at_stripe: Payments) -> None:
        buyer = customer()
        paid = charge(buyer, save_card(at_stripe, buyer, REFUND_FAILS))
        refund = gateway.create_refund(payment_id=paid.id, amount_minor=2_000, refund_id=uuid4(), key=key())
        at_stripe.advance(days=10)

        (now,) = gateway.read_refunds(paid.id)
        assert (now.id, now.status) == (refund.id, "failed")
        assert now.failure_reason


class TestDisputes:
    def test_a_disputed_payment_says_so(self, at_stripe: Payments) -> None:
        buyer = customer()
        paid = charge(buyer, save_card(at_stripe, buyer, DISPUTED))
        at_stripe.settle()

        assert gateway.read_payment(paid.id).is_disputed
        (dispute,) = gateway.read_disputes(paid.id)
        assert (dispute.status, dispute.reason, dispute.amount_minor) == ("needs_response", "fraudulent", 2_000)
        assert not dispute.is_inquiry
        assert dispute.evidence_due_at is not None
        assert [each.id for each in gateway.find_disputes(datetime.now(UTC) - timedelta(hours=1))] == [dispute.id]

    def test_an_inquiry_moves_no_money(self, at_stripe: Payments, payment: gateway.PaymentState) -> None:
        at_stripe.control("open_dispute", charge=payment.charge_id, inquiry=True)

        assert [dispute.is_inquiry for dispute in gateway.read_disputes(payment.id)] == [True]

    def test_most_payments_have_none(self, payment: gateway.PaymentState) -> None:
        assert gateway.read_disputes(payment.id) == []


class TestPlans:
    def test_a_price_is_made_once(self) -> None:
        asked: dict[str, Any] = {"plan_key": "enrich-pro", "name": "Pro", "amount_minor": 4_900, "currency": "EUR"}
        first = gateway.ensure_price(**asked, key=key())

        assert gateway.ensure_price(**asked, key=key()) == first
        assert gateway.ensure_price(**{**asked, "amount_minor": 5_900}, key=key()) != first

    def test_its_period_is_a_month(self, at_stripe: Payments) -> None:
        subscription = subscribe(at_stripe, customer())

        assert subscription.period_start is not None
        assert subscription.period_end is not None
        assert 27 <= (subscription.period_end - subscription.period_start).days <= 31
        assert subscription.anchor_at == subscription.period_start
        assert subscription.ended_at is None

    def test_its_invoice_pays_for_that_period(self, at_stripe: Payments) -> None:
        subscription = subscribe(at_stripe, customer())

        invoice = gateway.read_invoice(subscription.latest_invoice_id or "")

        assert (invoice.status, invoice.subscription_id) == ("paid", subscription.id)
        assert (invoice.total_minor, invoice.paid_minor, invoice.remaining_minor) == (3_000, 3_000, 0)
        assert (invoice.period_start, invoice.period_end) == (subscription.period_start, subscription.period_end)
        assert invoice.billing_reason == "subscription_create"
        assert invoice.price_id == subscription.price_id
        assert [gateway.read_payment(each).status for each in invoice.payment_ids] == ["succeeded"]
        assert invoice.hosted_url

    def test_the_next_invoice_pays_for_the_next_period(self, at_stripe: Payments) -> None:
        before = subscribe(at_stripe, customer())
        at_stripe.control("renew", subscription=before.id)
        at_stripe.settle()

        after = gateway.read_subscription(before.id)
        invoice = gateway.read_invoice(after.latest_invoice_id or "")

        assert after.period_start == before.period_end
        assert (invoice.billing_reason, invoice.status) == ("subscription_cycle", "paid")
        assert (invoice.period_start, invoice.period_end) == (after.period_start, after.period_end)

    def test_another_plan_at_once(self, at_stripe: Payments) -> None:
        subscription = subscribe(at_stripe, customer())
        dearer = gateway.ensure_price(plan_key="big", name="Big", amount_minor=9_000, currency="JPY", key=key())

        assert gateway.change_plan(subscription.id, dearer, key()).price_id == dearer

    def test_another_plan_from_the_next_month(self, at_stripe: Payments) -> None:
        subscription = subscribe(at_stripe, customer())
        cheaper = gateway.ensure_price(plan_key="small", name="Small", amount_minor=900, currency="JPY", key=key())

        changed = gateway.change_plan(subscription.id, cheaper, key(), prorates=False)

        assert (changed.price_id, changed.latest_invoice_id) == (cheaper, subscription.latest_invoice_id)
        assert changed.period_end == subscription.period_end

    def test_ending_with_the_month_and_thinking_better_of_it(self, at_stripe: Payments) -> None:
        subscription = subscribe(at_stripe, customer())

        assert gateway.cancel_at_period_end(subscription.id, True, key()).cancel_at_period_end
        assert not gateway.cancel_at_period_end(subscription.id, False, key()).cancel_at_period_end


class TestEvents:
    def test_those_that_never_came_are_found(self, payment: gateway.PaymentState, at_stripe: Payments) -> None:
        found = list(gateway.find_events(datetime.now(UTC) - timedelta(hours=1)))

        assert {event.id for event in found} == {event["id"] for event in at_stripe.events()}
        assert "payment_intent.succeeded" in {event.type for event in found}
        assert all(not event.is_live and event.object_id for event in found)

    def test_a_delivered_one_is_the_same_as_a_found_one(
        self, payment: gateway.PaymentState, at_stripe: Payments
    ) -> None:
        (event,) = at_stripe.events("payment_intent.succeeded")

        delivered = gateway.construct_event(*at_stripe.signed(event))

        found = {each.id: each for each in gateway.find_events(datetime.now(UTC) - timedelta(hours=1))}
        assert (delivered.id, delivered.type, delivered.object_id) == (
            event["id"],
            "payment_intent.succeeded",
            payment.id,
        )
        assert found[delivered.id].payload["data"] == delivered.payload["data"]
