"""What purchases declare: that one is paid."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from domain_events.declarations import Credits, DomainEvent, Payload, Slug


class PurchasePaid(Payload, frozen=True, kw_only=True):
    """A purchase whose credits were added."""

    organization: Slug
    reference: Annotated[str, Meta(description="As on its receipt.")]
    credits: Credits
    amount_minor: Annotated[int, Meta(description="What was paid, in the currency's minor unit.")]
    currency: Annotated[str, Meta(description="ISO 4217.")]
    method: Annotated[str, Meta(description="How it was paid, such as `card` or `bank_transfer`.")]
    paid_at: Annotated[datetime, Meta(tz=True, description="When its credits were added.")]
    balance: Annotated[int, Meta(description="What can be spent after it, in smallest units.")]


PURCHASE_PAID = DomainEvent(
    name="purchase.paid",
    payload=PurchasePaid,
    description="A purchase was paid and its credits are in the balance. Sent once for each purchase.",
    sample=PurchasePaid(
        organization="acme",
        reference="DD-2026-000123",
        credits=5_000,
        amount_minor=10_000,
        currency="JPY",
        method="card",
        paid_at=datetime(2026, 3, 10, 12, tzinfo=UTC),
        balance=5_480,
    ),
    is_webhook=True,
)
