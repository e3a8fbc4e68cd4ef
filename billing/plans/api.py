"""An organization's plan as the API tells it. Reads only."""

from billing.models import Subscription, SubscriptionState
from usage.api.schemas import PlanAnswer


def plan_of(organization_id: int) -> PlanAnswer | None:
    """Return the plan that an organization is on; None without one, before it is paid for, and after its end."""
    in_force = [SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE]
    rows = Subscription.objects.select_related("plan", "next_plan")
    row = rows.filter(organization=organization_id, state__in=in_force).first()
    if row is None:
        return None
    return PlanAnswer(
        key=row.plan.key,
        name=row.plan.name,
        state="past_due" if row.state == SubscriptionState.PAST_DUE else "active",
        allowance=row.plan.allowance,
        period_start=row.period_start,
        period_end=row.period_end,
        ends=row.ends_at_period_end,
        next_plan=row.next_plan.key if row.next_plan is not None else None,
    )
