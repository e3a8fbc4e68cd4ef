"""The steps of which stories of payments are made: what happens at Stripe, and the events that it sends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.payments.stripe import CHECKOUT, CUSTOMER, PAYMENT, SUBSCRIPTION, Stripe
from billing.models import (
    Method,
    PurchaseState,
)

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


def many(*changes: Callable[[Stripe], None]) -> Callable[[Stripe], None]:
    """Several changes as one."""

    def change(stripe: Stripe) -> None:
        for each in changes:
            each(stripe)

    return change


def opened(stripe: Stripe) -> None:
    stripe.checkout("open", "unpaid", payment_id=None)


def paid(stripe: Stripe) -> None:
    stripe.payment("succeeded")
    stripe.checkout("complete", "paid")


def declined(stripe: Stripe) -> None:
    stripe.payment("requires_payment_method", failure="Your card was declined.")
    stripe.checkout("open", "unpaid")


def processing(stripe: Stripe) -> None:
    stripe.payment("processing")
    stripe.checkout("complete", "unpaid")


def delayed_failed(stripe: Stripe) -> None:
    stripe.payment("requires_payment_method", failure="It was not paid in time.")
    stripe.checkout("complete", "unpaid")


def month(number: int) -> Callable[[Stripe], tuple[datetime, datetime]]:
    """The beginning and end of a plan's month; 0 is the one in which the story begins."""

    def within(stripe: Stripe) -> tuple[datetime, datetime]:
        start = stripe.at + (30 * number - 10) * DAY
        return start, start + 30 * DAY

    return within


def subscribed(status: str, number: int) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.subscription(status, *month(number)(stripe))


def invoiced(identifier: str, status: str, number: int) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.invoice(identifier, status, *month(number)(stripe))


def refund(identifier: str, status: str, amount_minor: int) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.refund(identifier, status, amount_minor)


def dispute(status: str) -> Callable[[Stripe], None]:
    return lambda stripe: stripe.dispute(status)


OPENED = Step(opened, (payment("payment_intent.created"),))
PAID = Step(
    paid,
    (payment("charge.succeeded"), payment("payment_intent.succeeded"), checkout("completed")),
)
REFUND_EVENTS = (reversal("refund.created"), reversal("charge.refunded"), reversal("charge.refund.updated"))
DISPUTE_OPENED = Step(
    dispute("needs_response"), (reversal("charge.dispute.created"), reversal("charge.dispute.funds_withdrawn"))
)
DISPUTE_REVIEWED = Step(dispute("under_review"), (reversal("charge.dispute.updated"),))
