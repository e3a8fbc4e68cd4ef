"""The reconciliation: what webhooks missed is settled, differences are reported, and a second run changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from billing import stripe_calls
from billing import stripe_gateway as gateway
from billing.models import (
    Dispute,
    Method,
    Purchase,
    PurchaseState,
    Refund,
    RefundMode,
    RefundState,
    StripeCustomer,
    StripeEvent,
)
from billing.stripe_events.reconciliation import Reconciliation, reconcile
from organizations.models import AuditEvent, Organization
from tests.support.billing.gateway_acts import charge, customer, save_card
from tests.support.billing.payments import Payments
from tests.support.billing.reversal_stage import Bought, assert_clean, buy, order, seller

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def bought(at_stripe: Payments) -> Bought:
    """100 credits for ¥2,000."""
    return buy(at_stripe, seller())


def run(**how: Any) -> Reconciliation:
    return reconcile(since=datetime.now(UTC) - timedelta(days=3), **how)


def pay(payments: Payments, organization: Organization, purchase: Purchase, **fields: Any) -> gateway.PaymentState:
    """Money is taken for an order, and no webhook comes."""
    StripeCustomer.objects.get_or_create(organization=organization, defaults={"stripe_id": customer()})
    buyer = organization.stripe_customer.stripe_id
    terms = {"amount_minor": purchase.amount_minor, "purchase_id": purchase.pk, **fields}
    return charge(buyer, save_card(payments, buyer), **terms)


def test_when_all_agrees_there_is_nothing_to_do(bought: Bought) -> None:
    report = run()

    assert (report.payments, report.settled, report.differences) == (1, [], [])
    event = AuditEvent.objects.get(action="payments.reconciled")
    assert event.details["payments"] == 1


def test_what_is_paid_there_and_not_here_is_settled_once(at_stripe: Payments) -> None:
    organization = seller()
    purchase = order(organization)
    payment = pay(at_stripe, organization, purchase)

    first, second = run(), run()

    assert (len(first.settled), first.differences) == (1, [])
    assert (second.settled, second.differences) == ([], [])
    purchase.refresh_from_db()
    assert (purchase.state, purchase.stripe_payment_intent_id) == (PurchaseState.PAID, payment.id)
    assert organization.wallet.__class__.objects.get(pk=organization.wallet.pk).balance == 100
    assert_clean(organization.wallet)


def test_refunds_and_disputes_that_we_missed_are_settled(bought: Bought) -> None:
    other = buy(bought.payments, bought.purchase.organization)
    bought.refund_in_dashboard(1_000)
    bought.payments.control("open_dispute", charge=other.charge_id)

    first, second = run(), run()

    assert (len(first.settled), first.differences) == (2, [])
    assert (second.settled, second.differences) == ([], [])
    assert bought.grant.remaining == 50
    assert other.grant.frozen_at is not None
    assert_clean(bought.wallet)


def test_an_old_dispute_that_was_decided_is_found(bought: Bought) -> None:
    bought.payments.control("open_dispute", charge=bought.charge_id)
    run()
    bought.payments.control("lose_dispute", dispute=Dispute.objects.get().stripe_id)

    report = reconcile(since=datetime.now(UTC) + HOUR)

    assert len(report.settled) == 1
    assert bought.stand() == (0, 0, 0)


def test_a_refund_that_failed_later_is_found(at_stripe: Payments) -> None:
    bought = buy(at_stripe, seller(), card="4000000000005126")
    bought.refund(2_000)
    at_stripe.advance(days=10)

    assert reconcile(since=datetime.now(UTC) - timedelta(days=3)).differences == []
    assert Refund.objects.get().state == RefundState.FAILED
    assert bought.stand() == (100, 100, 0)


def test_a_refund_whose_answer_got_lost_is_found(bought: Bought) -> None:
    bought.payments.control("switch", replies={"drop": 3})
    bought.refund(500)
    assert Refund.objects.get().state == RefundState.UNKNOWN

    run(now=datetime.now(UTC) + stripe_calls.SETTLES_AFTER)

    assert Refund.objects.get().state == RefundState.SUCCEEDED


def test_old_orders_that_nobody_paid_expire_and_young_ones_wait(at_stripe: Payments) -> None:
    organization = seller()
    transfer = order(organization, method=Method.BANK_TRANSFER)
    card = order(organization)

    assert run().settled == []
    run(now=datetime.now(UTC) + 3 * HOUR)

    for purchase in (transfer, card):
        purchase.refresh_from_db()
        assert purchase.state == PurchaseState.EXPIRED


def missing_here(bought: Bought) -> None:
    pay(bought.payments, bought.purchase.organization, bought.purchase, purchase_id=uuid4())


def paid_twice(bought: Bought) -> None:
    pay(bought.payments, bought.purchase.organization, bought.purchase)


def another_amount_here(bought: Bought) -> None:
    Purchase.objects.update(amount_minor=1_999)


def another_amount_there(bought: Bought) -> None:
    waiting = order(bought.purchase.organization)
    pay(bought.payments, bought.purchase.organization, waiting, amount_minor=100)


def not_there(bought: Bought) -> None:
    Purchase.objects.update(stripe_payment_intent_id="pi_nowhere")


def refunded_only_here(bought: Bought) -> None:
    Refund.objects.create(
        purchase=bought.purchase,
        amount_minor=100,
        credits=5,
        mode=RefundMode.ALL,
        state=RefundState.SUCCEEDED,
        stripe_id="re_nowhere",
        created_at=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (missing_here, "which is not here"),
        (paid_twice, "paid for it too"),
        (another_amount_here, "(1999, 'JPY') here, (2000, 'JPY') at Stripe"),
        (another_amount_there, "asked for"),
        (not_there, "No such payment_intent"),
        (refunded_only_here, "is here and not at Stripe"),
    ],
)
def test_what_can_not_be_settled_is_reported_every_time(
    bought: Bought, break_it: Callable[[Bought], None], sentence: str
) -> None:
    break_it(bought)
    wallet_before = bought.stand()

    for _ in range(2):
        report = run()
        assert any(sentence in line for line in report.differences), report.differences

    assert bought.stand() == wallet_before
    assert any(sentence in line for line in AuditEvent.objects.latest("created_at").details["differences"])


def test_the_command_says_what_it_found_and_how_it_ended(bought: Bought) -> None:
    bought.refund_in_dashboard(1_000)
    out = StringIO()
    call_command("reconcile_payments", stdout=out)
    assert "1 settled" in out.getvalue()

    paid_twice(bought)
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_payments", "--days", "1", stdout=(out := StringIO()))

    assert ended.value.code == 1
    assert "differs: " in out.getvalue()


def test_the_command_says_when_stripe_can_not_be_asked(bought: Bought) -> None:
    bought.payments.checks_contract = False
    bought.payments.control("switch", replies={"refuse": {"status": 500, "count": 99}})
    err = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_payments", stderr=err)

    assert ended.value.code == 1
    assert "Stripe could not be asked" in err.getvalue()


def test_a_number_of_days_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_payments", "--days", "0", stderr=StringIO())
    assert ended.value.code == 2


def test_without_a_key_orders_expire_all_the_same(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    transfer = order(seller(), method=Method.BANK_TRANSFER)

    run(now=datetime.now(UTC) + 3 * HOUR)

    transfer.refresh_from_db()
    assert transfer.state == PurchaseState.EXPIRED


def test_events_that_never_came_are_kept(bought: Bought) -> None:
    assert run().events == StripeEvent.objects.count() > 0
    assert run().events == 0
