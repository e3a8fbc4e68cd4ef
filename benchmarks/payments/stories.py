"""The stories of payments: what happens at Stripe, step by step, which events each step sends, and how it must end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from benchmarks.payments.stripe import AMOUNT, CHECKOUT, CURRENCY, CUSTOMER, PAYMENT, PRICE, SUBSCRIPTION, Stripe
from billing.models import (
    Method,
    Plan,
    PlanPrice,
    Purchase,
    PurchaseState,
    SaleTerms,
    StripeCustomer,
    StripePrice,
)
from billing.purchases.payments import grant_paid
from credits import ledger
from credits.models import Program, Source, Wallet, new_id
from organizations.models import Organization

# Credits that were there before, credits that the purchase brings, and those of a plan's month.
BEFORE, BOUGHT, ALLOWANCE = 10, 99, 70
# What of the bought ones is spent where a story begins with a paid purchase, besides those that were there before.
SPENT = 30
DAY = timedelta(days=1)

Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """Something that happens at Stripe, and the events that it sends."""

    change: Callable[[Stripe], None]
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Story:
    """balance, debt: how it must end, in smallest units. state: of the purchase, or none where it is about a plan."""

    name: str
    steps: tuple[Step, ...]
    balance: int
    debt: int = 0
    state: str = PurchaseState.PAID
    begins_paid: bool = False
    method: Method = Method.CARD


def payment(kind: str) -> Event:
    """An event about the payment or its charge."""
    name = "charge" if kind.startswith("charge.") else "payment_intent"
    return kind, {"id": PAYMENT, "object": name, "payment_intent": PAYMENT, "metadata": {}}


def checkout(kind: str) -> Event:
    return f"checkout.session.{kind}", {"id": CHECKOUT, "object": "checkout.session", "mode": "payment"}


def reversal(kind: str) -> Event:
    """An event about a refund, a dispute, or the charge that was refunded."""
    return kind, {"id": "re_1", "object": kind.partition(".")[0], "payment_intent": PAYMENT}


def plan(kind: str) -> Event:
    """An event about the subscription or an invoice of its."""
    if kind.startswith("invoice."):
        return kind, {
            "id": "in_1",
            "object": "invoice",
            "parent": {"subscription_details": {"subscription": SUBSCRIPTION}},
        }
    return kind, {"id": SUBSCRIPTION, "object": "subscription", "customer": CUSTOMER}


def _many(*changes: Callable[[Stripe], None]) -> Callable[[Stripe], None]:
    def change(stripe: Stripe) -> None:
        for each in changes:
            each(stripe)

    return change


def _opened(stripe: Stripe) -> None:
    stripe.checkout("open", "unpaid", payment_id=None)


def _paid(stripe: Stripe) -> None:
    stripe.payment("succeeded")
    stripe.checkout("complete", "paid")


def _declined(stripe: Stripe) -> None:
    stripe.payment("requires_payment_method", failure="Your card was declined.")
    stripe.checkout("open", "unpaid")


def _processing(stripe: Stripe) -> None:
    stripe.payment("processing")
    stripe.checkout("complete", "unpaid")


def _delayed_failed(stripe: Stripe) -> None:
    stripe.payment("requires_payment_method", failure="It was not paid in time.")
    stripe.checkout("complete", "unpaid")


def _month(number: int) -> Callable[[Stripe], tuple[datetime, datetime]]:
    def month(stripe: Stripe) -> tuple[datetime, datetime]:
        start = stripe.at + (30 * number - 10) * DAY
        return start, start + 30 * DAY

    return month


def _subscribed(status: str, number: int) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.subscription(status, *_month(number)(stripe))


def _invoiced(identifier: str, status: str, number: int) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.invoice(identifier, status, *_month(number)(stripe))


def _refund(identifier: str, status: str, amount_minor: int) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.refund(identifier, status, amount_minor)


def _dispute(status: str) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.dispute(status)


OPENED = Step(_opened, (payment("payment_intent.created"),))
PAID = Step(
    _paid,
    (payment("charge.succeeded"), payment("payment_intent.succeeded"), checkout("completed")),
)
REFUND_EVENTS = (reversal("refund.created"), reversal("charge.refunded"), reversal("charge.refund.updated"))
DISPUTE_OPENED = Step(
    _dispute("needs_response"), (reversal("charge.dispute.created"), reversal("charge.dispute.funds_withdrawn"))
)
DISPUTE_REVIEWED = Step(_dispute("under_review"), (reversal("charge.dispute.updated"),))

STORIES = (
    Story(
        "purchase: declined, then paid",
        (
            OPENED,
            Step(_declined, (payment("charge.failed"), payment("payment_intent.payment_failed"))),
            PAID,
        ),
        balance=BEFORE + BOUGHT,
    ),
    Story(
        "delayed payment: it comes",
        (
            OPENED,
            Step(_processing, (payment("payment_intent.processing"), checkout("completed"))),
            Step(
                _paid,
                (
                    payment("charge.succeeded"),
                    payment("payment_intent.succeeded"),
                    checkout("async_payment_succeeded"),
                ),
            ),
        ),
        balance=BEFORE + BOUGHT,
    ),
    Story(
        "delayed payment: it fails",
        (
            OPENED,
            Step(_processing, (payment("payment_intent.processing"), checkout("completed"))),
            Step(
                _delayed_failed,
                (
                    payment("charge.failed"),
                    payment("payment_intent.payment_failed"),
                    checkout("async_payment_failed"),
                ),
            ),
        ),
        balance=BEFORE,
        state=PurchaseState.FAILED,
    ),
    Story(
        "refund: two parts, of which one fails",
        (
            OPENED,
            PAID,
            Step(_refund("re_1", "pending", 333), REFUND_EVENTS[:2]),
            Step(_refund("re_2", "succeeded", 500), REFUND_EVENTS),
            Step(_refund("re_1", "succeeded", 333), (reversal("refund.updated"),)),
            Step(_refund("re_1", "failed", 333), (reversal("refund.failed"),)),
        ),
        balance=BEFORE + BOUGHT - 25,
    ),
    Story(
        "refund: all of it in parts, after some was spent",
        (
            Step(_paid, ()),
            Step(_refund("re_1", "succeeded", 1), REFUND_EVENTS[:2]),
            Step(_refund("re_2", "succeeded", 1_332), REFUND_EVENTS[:2]),
            Step(_refund("re_3", "pending", 667), (reversal("refund.created"),)),
            Step(_refund("re_3", "succeeded", 667), (reversal("refund.updated"), reversal("charge.refunded"))),
        ),
        balance=-SPENT,
        debt=SPENT,
        begins_paid=True,
    ),
    Story(
        "dispute: lost, after some was spent and a part refunded",
        (
            Step(_paid, ()),
            Step(_refund("re_1", "succeeded", 700), REFUND_EVENTS[:2]),
            DISPUTE_OPENED,
            DISPUTE_REVIEWED,
            Step(_dispute("lost"), (reversal("charge.dispute.closed"),)),
        ),
        balance=-SPENT,
        debt=SPENT,
        begins_paid=True,
    ),
    Story(
        "dispute: opened before we knew of the payment, and won",
        (
            OPENED,
            PAID,
            DISPUTE_OPENED,
            DISPUTE_REVIEWED,
            Step(
                _dispute("won"),
                (reversal("charge.dispute.closed"), reversal("charge.dispute.funds_reinstated")),
            ),
        ),
        balance=BEFORE + BOUGHT,
    ),
    Story(
        "dispute: lost, and won after all",
        (
            Step(_paid, ()),
            DISPUTE_OPENED,
            Step(_dispute("lost"), (reversal("charge.dispute.closed"),)),
            Step(_dispute("won"), (reversal("charge.dispute.updated"), reversal("charge.dispute.funds_reinstated"))),
        ),
        balance=BOUGHT - SPENT,
        begins_paid=True,
    ),
    Story(
        "renewal: declined, then paid",
        (
            Step(
                _many(_subscribed("active", -1), _invoiced("in_1", "paid", -1)),
                (plan("customer.subscription.created"), plan("invoice.paid")),
            ),
            Step(
                _many(_subscribed("active", 0), _invoiced("in_2", "open", 0)),
                (plan("customer.subscription.updated"), plan("invoice.finalized")),
            ),
            Step(_subscribed("past_due", 0), (plan("invoice.payment_failed"), plan("customer.subscription.updated"))),
            Step(
                _many(_subscribed("active", 0), _invoiced("in_2", "paid", 0)),
                (plan("invoice.paid"), plan("invoice.payment_succeeded"), plan("customer.subscription.updated")),
            ),
        ),
        balance=BEFORE + ALLOWANCE,
        state=PurchaseState.OPEN,
    ),
    Story(
        "off-session charge: the answer got lost",
        (
            Step(lambda stripe: stripe.payment("processing"), (payment("payment_intent.created"),)),
            Step(
                lambda stripe: stripe.payment("succeeded"),
                (
                    payment("charge.succeeded"),
                    payment("payment_intent.succeeded"),
                    payment("charge.updated"),
                ),
            ),
        ),
        balance=BEFORE + BOUGHT,
        method=Method.AUTO_RECHARGE,
    ),
)


def prepare(story: Story) -> Stripe:
    """Write the rows that a story begins with; the Stripe that it is about, before its first step."""
    now = timezone.now()
    organization = Organization.objects.create(
        slug=f"acme-{new_id()}", name="Acme", time_zone="UTC", language="en", country="JP", currency=CURRENCY
    )
    program = Program.objects.create(key=f"story-{new_id()}", name="Story")
    SaleTerms.objects.create(program=program, purchase_refunds="through_support")
    StripeCustomer.objects.create(organization=organization, stripe_id=CUSTOMER)
    sold = Plan.objects.create(program=program, key="basic", name="Basic", allowance=ALLOWANCE)
    PlanPrice.objects.create(plan=sold, currency=CURRENCY, amount_minor=AMOUNT)
    StripePrice.objects.create(stripe_id=PRICE, plan=sold, currency=CURRENCY, amount_minor=AMOUNT)
    wallet = ledger.open_wallet(organization=organization, program=program)
    _give(wallet)
    is_recharge = story.method == Method.AUTO_RECHARGE
    purchase = Purchase.objects.create(
        reference="DD-TEST-0001",
        organization=organization,
        name="Pack",
        credits=BOUGHT,
        amount_minor=AMOUNT,
        list_amount_minor=AMOUNT,
        currency=CURRENCY,
        method=story.method,
        state=PurchaseState.PENDING if is_recharge else PurchaseState.OPEN,
        form_token="form",
        created_at=now,
        expires_at=now + DAY,
        stripe_session_id=None if is_recharge else CHECKOUT,
    )
    if story.begins_paid:
        grant_paid(purchase, payment_id=PAYMENT)
        _spend(wallet, BEFORE + SPENT)
    return Stripe(at=now, purchase_id=UUID(str(purchase.pk)))


def _give(wallet: Wallet) -> None:
    with ledger.open_book(keys=[(wallet.pk, "gift")]) as book:
        ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=BEFORE,
            source=Source.GOODWILL,
            key="gift",
            content_hash=ledger.hash_content(credits=BEFORE),
            cause=ledger.Cause(memo="a gift"),
        )


def _spend(wallet: Wallet, credits: int) -> None:
    with ledger.open_book(keys=[(wallet.pk, "use")]) as book:
        ledger.spend(
            book,
            wallet_id=wallet.pk,
            credits=credits,
            feature="report",
            key="use",
            content_hash=ledger.hash_content(credits=credits),
            cause=ledger.Cause(memo="a use"),
        )
