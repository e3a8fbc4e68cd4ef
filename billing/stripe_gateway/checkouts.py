"""Checkout Sessions: Stripe's own pages to pay, to put a card on file, and to subscribe.

What is sold and for how much is decided by the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from stripe.checkout import Session

from billing.stripe_gateway.client import read, write
from billing.stripe_gateway.errors import Refused
from billing.stripe_gateway.fields import at, chargeable, currency_at, id_at, instant_at, text_at, uuid_at


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What is to be paid on Stripe's page. `expires_at` lies 30 minutes to 24 hours ahead.

    offers_link: whether Link may be used. saves_method: whether the page offers to keep the card for later.
    invoice: whether Stripe writes an invoice once it is paid.
    """

    purchase_id: UUID
    reference: str
    customer: str
    description: str
    amount_minor: int
    currency: str
    locale: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    offers_link: bool
    saves_method: bool
    invoice: bool
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page to send the customer to."""

    session_id: str
    url: str


@dataclass(frozen=True, slots=True)
class CheckoutState:
    """A checkout at Stripe. status: open, complete, expired. payment_status: paid, unpaid, no_payment_required.

    mode: payment, setup, subscription. `url` is empty once it is no longer open.
    """

    session_id: str
    status: str
    payment_status: str
    mode: str
    url: str
    customer: str | None
    purchase_id: UUID | None
    payment_id: str | None
    setup_id: str | None
    subscription_id: str | None
    invoice_id: str | None
    amount_minor: int | None
    currency: str
    expires_at: datetime | None


def create_checkout(order: CheckoutOrder, *, key: str) -> Checkout:
    """Open a page on which an order is paid once. Raises Refused, OutcomeUnknown."""
    metadata = {**order.metadata, "purchase_id": str(order.purchase_id), "reference": order.reference}
    price: Any = {
        "currency": order.currency.lower(),
        "unit_amount": chargeable(order.amount_minor, order.currency),
        "product_data": {"name": order.description},
    }
    params: Any = {
        "mode": "payment",
        "client_reference_id": str(order.purchase_id),
        "line_items": [{"quantity": 1, "price_data": price}],
        "metadata": metadata,
        # A session's metadata stays on the session; the payment and its charge need their own.
        "payment_intent_data": {"metadata": metadata, "description": f"{order.description} ({order.reference})"},
        "expires_at": int(order.expires_at.timestamp()),
        # The price is in the organization's currency; Stripe must not offer another.
        "adaptive_pricing": {"enabled": False},
        "saved_payment_method_options": {
            "allow_redisplay_filters": ["always", "limited", "unspecified"],
            "payment_method_save": "enabled" if order.saves_method else "disabled",
        },
        **_page(order.customer, order.locale, order.success_url, order.cancel_url),
    }
    if not order.offers_link:
        params["wallet_options"] = {"link": {"display": "never"}}
    if order.invoice:
        invoice = {"description": f"{order.description} ({order.reference})", "metadata": metadata}
        params["invoice_creation"] = {"enabled": True, "invoice_data": invoice}
    return _open(params, key=key)


def create_setup_checkout(
    *, customer: str, currency: str, locale: str, success_url: str, cancel_url: str, key: str
) -> Checkout:
    """Open a page on which a payment method is put on file, for later charges. Raises Refused, OutcomeUnknown."""
    page = _page(customer, locale, success_url, cancel_url)
    return _open({"mode": "setup", "currency": currency.lower(), **page}, key=key)


def create_subscription_checkout(
    *,
    customer: str,
    price_id: str,
    organization_id: int,
    locale: str,
    success_url: str,
    cancel_url: str,
    key: str,
) -> Checkout:
    """Open a page on which a plan is subscribed to. Stripe makes the subscription once it is paid.

    Raises Refused, OutcomeUnknown.
    """
    metadata = {"organization_id": str(organization_id)}
    params = {
        "mode": "subscription",
        "client_reference_id": str(organization_id),
        "line_items": [{"price": price_id, "quantity": 1}],
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
        "adaptive_pricing": {"enabled": False},
        **_page(customer, locale, success_url, cancel_url),
    }
    return _open(params, key=key)


def read_checkout(session_id: str) -> CheckoutState:
    """Read a checkout. Raises Refused, Unavailable."""
    return _state(read(lambda client: client.v1.checkout.sessions.retrieve(session_id)))


def expire_checkout(session_id: str) -> CheckoutState:
    """Close an open checkout, so that it can't be paid any more, and return its state then.

    One that was paid or has expired meanwhile stays as it is, so this may be repeated. Raises Refused (no such
    checkout), Unavailable.
    """
    try:
        return _state(read(lambda client: client.v1.checkout.sessions.expire(session_id)))
    except Refused:
        return read_checkout(session_id)


def _page(customer: str, locale: str, success_url: str, cancel_url: str) -> dict[str, str]:
    return {"customer": customer, "locale": locale, "success_url": success_url, "cancel_url": cancel_url}


def _open(params: Any, *, key: str) -> Checkout:
    session = write(lambda client, options: client.v1.checkout.sessions.create(params, options), key=key)
    return Checkout(session_id=session.id, url=text_at(session, "url"))


def _state(session: Session) -> CheckoutState:
    return CheckoutState(
        session_id=session.id,
        status=text_at(session, "status"),
        payment_status=text_at(session, "payment_status"),
        mode=text_at(session, "mode"),
        url=text_at(session, "url"),
        customer=id_at(session, "customer"),
        purchase_id=uuid_at(session, "metadata", "purchase_id"),
        payment_id=id_at(session, "payment_intent"),
        setup_id=id_at(session, "setup_intent"),
        subscription_id=id_at(session, "subscription"),
        invoice_id=id_at(session, "invoice"),
        amount_minor=at(session, "amount_total"),
        currency=currency_at(session),
        expires_at=instant_at(session, "expires_at"),
    )
