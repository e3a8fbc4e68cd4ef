"""Plans at Stripe: prices, subscriptions and the invoices that pay for their months.

Which plan of ours a price is for is not known here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import stripe

from billing.stripe_gateway.client import read, write
from billing.stripe_gateway.fields import (
    at,
    chargeable,
    currency_at,
    id_at,
    instant,
    instant_at,
    number_at,
    text_at,
    uuid_at,
)


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A subscription as Stripe has it now. status: incomplete, incomplete_expired, active, trialing, past_due,
    unpaid, paused, canceled.

    The period is that of its one item. organization_id: what its checkout carried, None for somebody else's.
    """

    id: str
    status: str
    customer: str | None
    organization_id: int | None
    item_id: str | None
    price_id: str | None
    currency: str
    anchor_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    cancel_at_period_end: bool
    ended_at: datetime | None
    latest_invoice_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """An invoice as Stripe has it now. status: draft, open, paid, uncollectible, void.

    The period is the one that is paid for (that of the plan's line), not the one that the invoice closes.
    billing_reason: subscription_create, subscription_cycle, subscription_update, manual and others.
    """

    id: str
    number: str
    status: str
    customer: str | None
    subscription_id: str | None
    purchase_id: UUID | None
    billing_reason: str
    price_id: str | None
    currency: str
    total_minor: int
    paid_minor: int
    remaining_minor: int
    period_start: datetime | None
    period_end: datetime | None
    hosted_url: str
    pdf_url: str
    payment_ids: tuple[str, ...]
    created_at: datetime


def ensure_price(*, plan_key: str, name: str, amount_minor: int, currency: str, key: str) -> str:
    """Find the monthly price of a plan in a currency, or make it; return its id. Another amount is another price.

    Raises Refused, OutcomeUnknown, Unavailable.
    """
    mark = f"{plan_key}:{currency}:{amount_minor}"
    found = read(lambda client: client.v1.prices.list({"lookup_keys": [mark], "active": True, "limit": 1}))
    if found.data:
        return found.data[0].id
    params: Any = {
        "currency": currency.lower(),
        "unit_amount": chargeable(amount_minor, currency),
        "recurring": {"interval": "month"},
        "product_data": {"name": name},
        "lookup_key": mark,
        "metadata": {"plan": plan_key},
    }
    return write(lambda client, options: client.v1.prices.create(params, options), key=key).id


def read_subscription(subscription_id: str) -> SubscriptionState:
    """Ask for a subscription. Raises Refused, Unavailable."""
    return _subscription(read(lambda client: client.v1.subscriptions.retrieve(subscription_id)))


def change_plan(subscription_id: str, price_id: str, key: str, *, prorates: bool = True) -> SubscriptionState:
    """Put a subscription on another price at once.

    prorates: the difference for the rest of the month is invoiced and charged now; if that payment fails nothing
    changes and Declined is raised. Without it the new price is first charged with the next month.
    Raises Refused, OutcomeUnknown, Unavailable.
    """
    item_id = read_subscription(subscription_id).item_id
    params: Any = {
        "items": [{"id": item_id, "price": price_id}],
        "proration_behavior": "always_invoice" if prorates else "none",
        "payment_behavior": "error_if_incomplete",
    }
    return _subscription(
        write(lambda client, options: client.v1.subscriptions.update(subscription_id, params, options), key=key)
    )


def cancel_at_period_end(subscription_id: str, cancel: bool, key: str) -> SubscriptionState:  # noqa: FBT001
    """Let a subscription end with the paid month, or go on after all. Raises Refused, OutcomeUnknown."""
    params: Any = {"cancel_at_period_end": cancel}
    return _subscription(
        write(lambda client, options: client.v1.subscriptions.update(subscription_id, params, options), key=key)
    )


def read_invoice(invoice_id: str) -> InvoiceState:
    """Ask for an invoice and its payments. Raises Refused, Unavailable."""
    return _invoice(read(lambda client: client.v1.invoices.retrieve(invoice_id, {"expand": ["payments"]})))


def find_invoices(subscription_id: str) -> list[InvoiceState]:
    """The newest invoices of a subscription, two years of them, newest first, without their payments.

    Raises Refused, Unavailable.
    """
    params: Any = {"subscription": subscription_id, "limit": 24}
    return [_invoice(invoice) for invoice in read(lambda client: client.v1.invoices.list(params)).data]


def charge_to(subscription_id: str, payment_method: str, key: str) -> None:
    """Say what a subscription's next months are charged to. Raises Refused, OutcomeUnknown."""
    params: Any = {"default_payment_method": payment_method}
    write(lambda client, options: client.v1.subscriptions.update(subscription_id, params, options), key=key)


def _subscription(subscription: stripe.Subscription) -> SubscriptionState:
    items = at(subscription, "items", "data") or []
    item = items[0] if items else None
    organization = text_at(subscription, "metadata", "organization_id")
    return SubscriptionState(
        id=subscription.id,
        status=text_at(subscription, "status"),
        customer=id_at(subscription, "customer"),
        organization_id=int(organization) if organization.isdecimal() else None,
        item_id=id_at(item, "id"),
        price_id=id_at(item, "price"),
        currency=currency_at(subscription),
        anchor_at=instant_at(subscription, "billing_cycle_anchor"),
        period_start=instant_at(item, "current_period_start"),
        period_end=instant_at(item, "current_period_end"),
        cancel_at_period_end=bool(at(subscription, "cancel_at_period_end")),
        ended_at=instant_at(subscription, "ended_at"),
        latest_invoice_id=id_at(subscription, "latest_invoice"),
        created_at=instant(number_at(subscription, "created")),
    )


def _invoice(invoice: stripe.Invoice) -> InvoiceState:
    parent = at(invoice, "parent")
    line = _plan_line(invoice)
    payments = [id_at(payment, "payment", "payment_intent") for payment in at(invoice, "payments", "data") or []]
    return InvoiceState(
        id=invoice.id,
        number=text_at(invoice, "number"),
        status=text_at(invoice, "status"),
        customer=id_at(invoice, "customer"),
        subscription_id=id_at(parent, "subscription_details", "subscription"),
        purchase_id=uuid_at(invoice, "metadata", "purchase_id"),
        billing_reason=text_at(invoice, "billing_reason"),
        price_id=id_at(line, "pricing", "price_details", "price"),
        currency=currency_at(invoice),
        total_minor=number_at(invoice, "total"),
        paid_minor=number_at(invoice, "amount_paid"),
        remaining_minor=number_at(invoice, "amount_remaining"),
        period_start=instant_at(line, "period", "start") or instant_at(invoice, "period_start"),
        period_end=instant_at(line, "period", "end") or instant_at(invoice, "period_end"),
        hosted_url=text_at(invoice, "hosted_invoice_url"),
        pdf_url=text_at(invoice, "invoice_pdf"),
        payment_ids=tuple(payment for payment in payments if payment),
        created_at=instant(number_at(invoice, "created")),
    )


def _plan_line(invoice: stripe.Invoice) -> Any:
    """The line that a plan's month is charged on; with several (a change within the month) the one that ends last."""
    charged = [
        line
        for line in at(invoice, "lines", "data") or []
        if at(line, "parent", "type") == "subscription_item_details" and number_at(line, "amount") >= 0
    ]
    return max(charged, key=_end_and_start, default=None)


def _end_and_start(line: Any) -> tuple[int, int]:
    return number_at(line, "period", "end"), number_at(line, "period", "start")
