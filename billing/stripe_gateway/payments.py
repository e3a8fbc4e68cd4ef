"""Payments: what Stripe has taken for an order, and charging a saved card without the customer.

Whether and how much to charge is decided by the caller.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import stripe

from billing.stripe_gateway.client import payment_named_by, read, read_all, write
from billing.stripe_gateway.fields import (
    at,
    chargeable,
    currency_at,
    id_at,
    instant,
    number_at,
    text_at,
    uuid_at,
)


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment as Stripe has it now. status: succeeded, processing, requires_action, requires_payment_method,
    requires_confirmation, requires_capture, canceled.

    received_minor: what was taken. refunded_minor: what went back of it, in all. failure_*: of the last attempt, empty
    after a success. purchase_id: the order that it is for; None: not one of ours.
    """

    id: str
    status: str
    amount_minor: int
    received_minor: int
    refunded_minor: int
    currency: str
    customer: str | None
    purchase_id: UUID | None
    charge_id: str | None
    receipt_url: str
    is_disputed: bool
    failure_code: str
    failure_message: str
    payment_method: str | None
    created_at: datetime


def read_payment(payment_intent_id: str) -> PaymentState:
    """Ask for a payment. Raises Refused, Unavailable."""
    return _state(
        read(lambda client: client.v1.payment_intents.retrieve(payment_intent_id, {"expand": ["latest_charge"]}))
    )


def find_payments(*, since: datetime) -> Iterator[PaymentState]:
    """Go through every payment of the account made since then, newest first. Raises Refused, Unavailable."""
    created: Any = {"gte": int(since.timestamp())}
    found = read_all(
        lambda client: client.v1.payment_intents.list(
            {"created": created, "limit": 100, "expand": ["data.latest_charge"]}
        )
    )
    return map(_state, found)


def find_payments_of(purchase_id: UUID) -> list[PaymentState]:
    """Search for the payments of an order whose answer got lost. Stripe's search may lag a minute behind.

    Raises Refused, Unavailable.
    """
    query = f"metadata['purchase_id']:'{purchase_id}'"
    found = read_all(
        lambda client: client.v1.payment_intents.search(
            {"query": query, "limit": 100, "expand": ["data.latest_charge"]}
        )
    )
    return [_state(payment) for payment in found]


def charge_off_session(
    *,
    customer: str,
    payment_method: str,
    amount_minor: int,
    currency: str,
    purchase_id: UUID,
    description: str,
    key: str,
) -> PaymentState:
    """Charge a saved card without the customer present. The payment returned has succeeded or is processing.

    Raises Declined, AuthenticationRequired (both name the payment that failed), Refused and OutcomeUnknown. After the
    last the money may have been taken; a second call with the same key does not take it again.
    """
    params: Any = {
        "amount": chargeable(amount_minor, currency),
        "currency": currency.lower(),
        "customer": customer,
        "payment_method": payment_method,
        "description": description,
        "metadata": {"purchase_id": str(purchase_id)},
        "off_session": True,
        "confirm": True,
        # Methods that send the customer to another page can't be used here.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "expand": ["latest_charge"],
    }
    return _state(write(lambda client, options: _charge(client, params, options), key=key))


def _charge(client: stripe.StripeClient, params: Any, options: stripe.RequestOptions) -> stripe.PaymentIntent:
    try:
        return client.v1.payment_intents.create(params, options)
    except stripe.InvalidRequestError as error:
        # A retry is refused because the payment can't be confirmed again, if the first attempt took the money.
        payment_id = payment_named_by(error)
        if payment_id is None or text_at(getattr(error.error, "payment_intent", None), "status") != "succeeded":
            raise
        return client.v1.payment_intents.retrieve(payment_id, {"expand": ["latest_charge"]})


def _state(payment: stripe.PaymentIntent) -> PaymentState:
    charge = at(payment, "latest_charge")
    error = at(payment, "last_payment_error")
    return PaymentState(
        id=payment.id,
        status=text_at(payment, "status"),
        amount_minor=number_at(payment, "amount"),
        received_minor=number_at(payment, "amount_received"),
        refunded_minor=number_at(charge, "amount_refunded"),
        currency=currency_at(payment),
        customer=id_at(payment, "customer"),
        purchase_id=uuid_at(payment, "metadata", "purchase_id"),
        charge_id=id_at(payment, "latest_charge"),
        receipt_url=text_at(charge, "receipt_url"),
        is_disputed=bool(at(charge, "disputed")),
        failure_code=text_at(error, "decline_code") or text_at(error, "code"),
        failure_message=text_at(error, "message"),
        payment_method=id_at(payment, "payment_method"),
        created_at=instant(number_at(payment, "created")),
    )
