"""Maps a Stripe event to the row it concerns and calls its settle function.

A handler reads nothing but ids from an event: the rest may be out of date by now. No money and no credits move here.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from billing import stripe_gateway
from billing.customers.payment_methods import refresh as refresh_methods
from billing.models import Purchase
from billing.plans.subscriptions import settle as settle_subscription
from billing.purchases.settlement import settle as settle_purchase
from billing.refunds.settlement import settle as settle_reversal
from organizations.models import Organization

StripeObject = dict[str, Any]


class NotOurs(Exception):
    """The event concerns no row of ours."""


class NotHereYet(Exception):
    """The event names an order that is not here: it came too early, or another installation uses the same account."""


# Finding the row


def _payment(data: StripeObject) -> None:
    """A checkout, payment or charge: settle its order."""
    subject = data["object"]
    purchase_id = _uuid(_metadata(subject).get("purchase_id"))
    if purchase_id is None and (payment_id := _id(subject.get("payment_intent"))):
        purchase_id = _purchase_paid_by(payment_id)
    _settle(purchase_id)


def _checkout(data: StripeObject) -> None:
    """A checkout: of an order, of a payment method, or of a plan."""
    subject = data["object"]
    if subject.get("mode") == "setup":
        _refresh(_customer(data))
    elif subject.get("mode") == "subscription":
        _settle_subscription(_id(subject.get("subscription")))
    else:
        _payment(data)


def _reversal(data: StripeObject) -> None:
    """A refund, a dispute, or the charge of one: settle the order first, then the reversal."""
    payment_id = _id(data["object"].get("payment_intent"))
    if payment_id is None:
        raise NotOurs("It names no payment.")
    _settle(_purchase_paid_by(payment_id))
    settle_reversal(payment_id)


def _subscription(data: StripeObject) -> None:
    _settle_subscription(_id(data["object"]))


def _invoice(data: StripeObject) -> None:
    """An invoice: of a plan's month, or the one that a checkout wrote for an order."""
    subject = data["object"]
    details = (subject.get("parent") or {}).get("subscription_details") or {}
    if details.get("subscription"):
        _settle_subscription(_id(details["subscription"]))
    else:
        _settle(_uuid(_metadata(subject).get("purchase_id")))


def _on_file(data: StripeObject) -> None:
    """A payment method, a setup or the customer itself: refresh the payment methods on file."""
    _refresh(_customer(data))


def _purchase_paid_by(payment_id: str) -> UUID | None:
    known = Purchase.objects.filter(stripe_payment_intent_id=payment_id).values_list("pk", flat=True).first()
    return known or stripe_gateway.read_payment(payment_id).purchase_id


def _customer(data: StripeObject) -> str | None:
    """The customer's id. A payment method that was just removed names its customer as the previous one."""
    subject, before = data["object"], data.get("previous_attributes") or {}
    if subject.get("object") == "customer":
        return _id(subject)
    return _id(subject.get("customer")) or _id(before.get("customer"))


def _id(reference: Any) -> str | None:
    """The id of an object that may be expanded or not."""
    found = reference.get("id") if isinstance(reference, dict) else reference
    return str(found) if found else None


def _metadata(subject: StripeObject) -> StripeObject:
    return subject.get("metadata") or {}


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


# Settling it


def _settle(purchase_id: UUID | None) -> None:
    if purchase_id is None:
        raise NotOurs("It names no order of ours.")
    if not Purchase.objects.filter(pk=purchase_id).exists():
        raise NotHereYet(f"There is no order {purchase_id} here.")
    settle_purchase(purchase_id)


def _settle_subscription(subscription_id: str | None) -> None:
    if subscription_id is None:
        raise NotOurs("It names no subscription.")
    if settle_subscription(subscription_id) is None:
        raise NotOurs("It is about no customer of ours.")


def _refresh(customer: str | None) -> None:
    organization = Organization.objects.filter(stripe_customer__stripe_id=customer).first()
    if organization is None:
        raise NotOurs("It is about no customer of ours.")
    refresh_methods(organization)


# By the beginning of the event's type; the first match counts.
HANDLERS: tuple[tuple[str, Callable[[StripeObject], None]], ...] = (
    ("checkout.session.", _checkout),
    ("payment_intent.", _payment),
    ("charge.refund", _reversal),
    ("charge.dispute.", _reversal),
    ("charge.", _payment),
    ("refund.", _reversal),
    ("customer.subscription.", _subscription),
    ("customer.updated", _on_file),
    ("invoice.", _invoice),
    ("payment_method.", _on_file),
    ("setup_intent.", _on_file),
)


def handler_of(kind: str) -> Callable[[StripeObject], None] | None:
    """Return the handler of a type of events; None: nothing here depends on them."""
    return next((handler for beginning, handler in HANDLERS if kind.startswith(beginning)), None)
