"""Which of our rows an event of Stripe's is about, and who brings that row to where Stripe says it is.

A handler takes ids from an event and nothing else: the rest of it is stale by nature. No money and no credit moves
here.
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

Thing = dict[str, Any]


class NotOurs(Exception):
    """The event is about nothing of ours."""


class NotHereYet(Exception):
    """The event is about an order that should be ours and is not here: an early event, or another installation's."""


# Finding out whom an event is about


def _payment(data: Thing) -> None:
    """A checkout, payment or charge: settle its order."""
    thing = data["object"]
    purchase_id = _uuid(_marks(thing).get("purchase_id"))
    if purchase_id is None and (payment_id := _id(thing.get("payment_intent"))):
        purchase_id = _purchase_paid_by(payment_id)
    _settle(purchase_id)


def _checkout(data: Thing) -> None:
    """A checkout: of an order, of a payment method, or of a plan."""
    thing = data["object"]
    if thing.get("mode") == "setup":
        _refresh(_customer(data))
    elif thing.get("mode") == "subscription":
        _settle_subscription(_id(thing.get("subscription")))
    else:
        _payment(data)


def _reversal(data: Thing) -> None:
    """A refund or dispute, or the charge that it is of: settle the order, which may not be yet, then what goes back."""
    payment_id = _id(data["object"].get("payment_intent"))
    if payment_id is None:
        raise NotOurs("It names no payment.")
    _settle(_purchase_paid_by(payment_id))
    settle_reversal(payment_id)


def _subscription(data: Thing) -> None:
    _settle_subscription(_id(data["object"]))


def _invoice(data: Thing) -> None:
    """An invoice: of a plan's month, or the one that a checkout wrote for an order."""
    thing = data["object"]
    details = (thing.get("parent") or {}).get("subscription_details") or {}
    if details.get("subscription"):
        _settle_subscription(_id(details["subscription"]))
    else:
        _settle(_uuid(_marks(thing).get("purchase_id")))


def _on_file(data: Thing) -> None:
    """A payment method, a setup or the customer itself: look at what is on file."""
    _refresh(_customer(data))


def _purchase_paid_by(payment_id: str) -> UUID | None:
    known = Purchase.objects.filter(stripe_payment_intent_id=payment_id).values_list("pk", flat=True).first()
    return known or stripe_gateway.read_payment(payment_id).purchase_id


def _customer(data: Thing) -> str | None:
    """The customer that is concerned; one that a payment method was just taken off is named as the previous one."""
    thing, before = data["object"], data.get("previous_attributes") or {}
    if thing.get("object") == "customer":
        return _id(thing)
    return _id(thing.get("customer")) or _id(before.get("customer"))


def _id(thing: Any) -> str | None:
    """The id of an object that may be expanded or not."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return str(found) if found else None


def _marks(thing: Thing) -> Thing:
    return thing.get("metadata") or {}


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


# Handing over


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


# The first whose beginning fits; none: the event is kept and ignored.
HANDLERS: tuple[tuple[str, Callable[[Thing], None]], ...] = (
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


def handler_of(kind: str) -> Callable[[Thing], None] | None:
    """What works events of a type off; None: nothing here depends on them."""
    return next((handler for beginning, handler in HANDLERS if kind.startswith(beginning)), None)
