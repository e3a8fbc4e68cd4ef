"""The organization as Stripe's customer: its payment methods, and Stripe's own page to manage them.

Which method is charged is decided by the caller.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stripe import PaymentMethod

from billing.stripe_gateway.client import read, read_all, write
from billing.stripe_gateway.fields import at, id_at, instant, number_at, text_at


@dataclass(frozen=True, slots=True)
class MethodState:
    """A payment method on file: a card has brand, last4 and expiry; Link has an email. Empty or None otherwise."""

    id: str
    kind: str
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    email: str
    customer: str | None
    created_at: datetime


def ensure_customer(*, organization_id: int, name: str, email: str, language: str, key: str) -> str:
    """Make the organization's customer, or find the one that this key made; return its id.

    Raises Refused, OutcomeUnknown.
    """
    params: Any = {
        "name": name,
        "preferred_locales": [language],
        "metadata": {"organization_id": str(organization_id)},
    }
    if email:
        params["email"] = email
    return write(lambda client, options: client.v1.customers.create(params, options), key=key).id


def create_portal(*, customer: str, return_url: str, locale: str, key: str) -> str:
    """Open Stripe's page for cards, plan and invoices; return its address, which works for some minutes only.

    The same key returns the same address, so a key is for one visit. Raises Refused, OutcomeUnknown.
    """
    params: Any = {"customer": customer, "return_url": return_url, "locale": locale}
    return write(lambda client, options: client.v1.billing_portal.sessions.create(params, options), key=key).url


def list_payment_methods(customer: str) -> list[MethodState]:
    """What the customer has on file. Raises Refused, Unavailable."""
    return [
        _state(method)
        for method in read_all(lambda client: client.v1.customers.payment_methods.list(customer, {"limit": 100}))
    ]


def default_payment_method(customer: str) -> str | None:
    """The id of the default payment method, or None. Raises Refused, Unavailable."""
    found = read(lambda client: client.v1.customers.retrieve(customer))
    return id_at(found, "invoice_settings", "default_payment_method")


def set_default_payment_method(*, customer: str, payment_method: str, key: str) -> None:
    """Set the default payment method. Raises Refused, OutcomeUnknown."""
    params: Any = {"invoice_settings": {"default_payment_method": payment_method}}
    write(lambda client, options: client.v1.customers.update(customer, params, options), key=key)


def detach_payment_method(*, payment_method: str, key: str) -> None:
    """Remove a payment method from file; it can never be used again. Raises Refused, OutcomeUnknown."""
    write(lambda client, options: client.v1.payment_methods.detach(payment_method, {}, options), key=key)


def _state(method: PaymentMethod) -> MethodState:
    kind = text_at(method, "type")
    details = at(method, kind)
    return MethodState(
        id=method.id,
        kind=kind,
        brand=text_at(details, "brand"),
        last4=text_at(details, "last4"),
        exp_month=at(details, "exp_month"),
        exp_year=at(details, "exp_year"),
        email=text_at(details, "email"),
        customer=id_at(method, "customer"),
        created_at=instant(number_at(method, "created")),
    )
