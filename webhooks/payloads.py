"""What each type of event carries, as strict types: the API's document is made from them, so servers can rely on it.

A field may be added to a type; none is taken away or changes its meaning. Credits are integers in smallest units.
"""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from webhooks.models import EventType

Slug = Annotated[str, Meta(description="The organization's short name.")]
Credits = Annotated[int, Meta(description="In smallest units.")]


class Balance(msgspec.Struct, forbid_unknown_fields=True):
    """An organization's balance when it happened."""

    organization: Slug
    available: Annotated[int, Meta(description="What can be spent, in smallest units.")]
    reserved: Annotated[int, Meta(description="Set aside for work under way, in smallest units.")]
    threshold: Annotated[
        int | None, Meta(description="Below it the balance is low, in smallest units; null: none set.")
    ]
    unit: Annotated[str, Meta(description="What the program's credits are called.")]
    decimals: Annotated[int, Meta(ge=0, le=6, description="How many of an amount's digits are decimals.")]


class PurchasePaid(msgspec.Struct, forbid_unknown_fields=True):
    """A purchase whose credits were added."""

    organization: Slug
    reference: Annotated[str, Meta(description="As on its receipt.")]
    credits: Credits
    amount_minor: Annotated[int, Meta(description="What was paid, in the currency's minor unit.")]
    currency: Annotated[str, Meta(description="ISO 4217.")]
    method: Annotated[str, Meta(description="How it was paid, such as `card` or `bank_transfer`.")]
    paid_at: Annotated[datetime, Meta(tz=True)]
    balance: Annotated[int, Meta(description="What can be spent after it, in smallest units.")]


class LimitReached(msgspec.Struct, forbid_unknown_fields=True):
    """A monthly limit that is used up."""

    organization: Slug
    scope: Annotated[Literal["organization", "team", "user"], Meta(description="Whose limit it is.")]
    name: Annotated[str, Meta(description="The team's or the person's name.")]
    feature: Annotated[str, Meta(description="The feature that it is for; empty: for all of them.")]
    limit: Credits
    used: Credits
    month_on: Annotated[date, Meta(description="The first day of the month, by the organization's clocks.")]


class Test(msgspec.Struct, forbid_unknown_fields=True):
    """Sent when somebody asks for it."""

    organization: Annotated[str | None, Meta(description="Null for an endpoint of all organizations.")]


PAYLOADS: dict[EventType, type[msgspec.Struct]] = {
    EventType.BALANCE_LOW: Balance,
    EventType.BALANCE_DEPLETED: Balance,
    EventType.BALANCE_RESTORED: Balance,
    EventType.PURCHASE_PAID: PurchasePaid,
    EventType.LIMIT_REACHED: LimitReached,
    EventType.TEST: Test,
}
