"""What the owners' page of the plan shows. Reads only, in a number of queries that does not grow with the plans.

What choosing a plan does is decided in `changes`.
"""

from dataclasses import dataclass
from typing import Any

from billing.models import Plan, PlanPrice, StripeCustomer, SubscriptionState
from billing.plans.changes import is_live, subscription_of
from credits.models import Wallet
from organizations.models import Organization


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """A plan with its price a month in the organization's currency."""

    plan: Plan
    price_minor: int
    currency: str
    is_current: bool
    is_next: bool


def plan_page(organization: Organization) -> dict[str, Any]:
    """Return the context of the page: the current plan, and the plans on offer."""
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    row = subscription_of(organization)
    live = row if row is not None and is_live(row) else None
    currency = live.currency if live else organization.currency
    prices = PlanPrice.objects.none()
    if wallet is not None:
        prices = PlanPrice.objects.filter(plan__program=wallet.program_id, currency=currency)
    offers = [
        PlanOffer(
            plan=price.plan,
            price_minor=price.amount_minor,
            currency=price.currency,
            is_current=live is not None and price.plan_id == live.plan_id,
            is_next=live is not None and price.plan_id == live.next_plan_id,
        )
        for price in prices.select_related("plan").order_by("plan__position", "amount_minor")
        if price.plan.is_sold or (live is not None and price.plan_id in {live.plan_id, live.next_plan_id})
    ]
    return {
        "program": wallet.program if wallet else None,
        "subscription": live,
        "ended": row if live is None and row and row.state == SubscriptionState.CANCELED else None,
        "offers": offers,
        "current": next((offer for offer in offers if offer.is_current), None),
        "brings_credits": any(offer.plan.allowance for offer in offers),
        "allowance": live.allowances.filter(period_start=live.period_start, operation__isnull=False).first()
        if live
        else None,
        "has_customer": StripeCustomer.objects.filter(organization=organization).exists(),
    }
