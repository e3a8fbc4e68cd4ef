"""The demo's plans: assigned by staff, as for invoiced customers, because Stripe is not called while seeding."""

from datetime import datetime

from billing.models import Plan
from billing.plans import invoiced, renewals
from organizations.models import Organization


def subscribe(organization: Organization, plan: str, *, now: datetime) -> None:
    """Put an organization on a plan of its program, by the plan's key, from `now` on."""
    chosen = Plan.objects.get(program=organization.wallet.program, key=plan)
    invoiced.put_on_plan(organization=organization, plan=chosen, actor=None, reason="Demo", now=now)


def live_on(organization: Organization, *, now: datetime) -> None:
    """Renew the plan if its month is over, with its credits."""
    renewals.renew(organization, now=now)
