"""Plans of customers who pay by invoice: staff assign them and let them end, each with a reason.

They are renewed in `renewals`; Stripe is not involved. What owners may do is in `changes`.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.audit_actions import Action
from billing.models import Plan, Subscription, SubscriptionState
from billing.plans import allowances, subscriptions
from billing.plans.changes import PlanRefused, is_live
from billing.plans.periods import Period, first_period
from credits.models import Wallet
from organizations import audit_events
from organizations.models import Organization, User


def put_on_plan(
    *, organization: Organization, plan: Plan, actor: User | None, reason: str, now: datetime | None = None
) -> Subscription:
    """Put a customer who pays by invoice on a plan; one who pays through Stripe would pay twice and is refused.

    The first plan's months begin now. After that a plan with a larger allowance begins at once and brings the
    difference for the rest of the month; any other begins with the next month. The same plan again only revokes a
    planned change or end. now: for tests and the demo's history. Raises PlanRefused.
    """
    instant = now or timezone.now()
    with transaction.atomic():
        row = subscriptions.lock(organization)
        if row is not None and row.stripe_id is not None and is_live(row):
            raise PlanRefused(_("This organization pays for its plan through Stripe. End that plan first."))
        if plan.program_id != Wallet.objects.get(organization=organization).program_id:
            raise PlanRefused(_("The plan belongs to another program."))
        before = _summary(row)
        row = _put(organization, row, plan, instant, now)
        if _summary(row) != before:
            audit_events.record(
                action=Action.SUBSCRIPTION_PUT_ON_PLAN,
                organization=organization,
                actor=actor,
                target=plan.key,
                reason=reason,
                details={"plan": row.plan.key, "next_plan": row.next_plan.key if row.next_plan else None},
                now=now,
            )
    return row


def end_invoiced(*, organization: Organization, actor: User, reason: str, now: datetime | None = None) -> Subscription:
    """Let an invoiced customer's plan end with its month. A second call changes nothing. Raises PlanRefused."""
    with transaction.atomic():
        row = subscriptions.lock(organization)
        if row is None or not row.is_invoiced or not is_live(row):
            raise PlanRefused(_("This organization has no invoiced plan."))
        if not row.ends_at_period_end:
            row.ends_at_period_end, row.next_plan = True, None
            subscriptions.keep(row)
            audit_events.record(
                action=Action.SUBSCRIPTION_CANCEL,
                organization=organization,
                actor=actor,
                target=row.plan.key,
                reason=reason,
                now=now,
            )
    return row


def _summary(row: Subscription | None) -> tuple[object, ...] | None:
    """What of a subscription is worth an audit event when it changes."""
    if row is None:
        return None
    return row.plan_id, row.next_plan_id, row.state, row.is_invoiced, row.ends_at_period_end, row.period_start


def _put(
    organization: Organization, row: Subscription | None, plan: Plan, instant: datetime, now: datetime | None
) -> Subscription:
    goes_on = row is not None and is_live(row) and row.is_invoiced and row.period_end > instant
    if row is None or not goes_on:
        row = row or Subscription(organization=organization, created_at=instant)
        row.plan, row.next_plan, row.stripe_id = plan, None, None
        row.state, row.is_invoiced, row.ends_at_period_end = SubscriptionState.ACTIVE, True, False
        row.currency, row.unpaid_invoice_url, row.anchor_at = organization.currency, "", instant
        row.period_start, row.period_end = first_period(instant, ZoneInfo(organization.time_zone))
        subscriptions.keep(row)
        dues = allowances.of_month(row, plan, Period(row.period_start, row.period_end))
    else:
        row.ends_at_period_end, dues = False, []
        if plan == row.plan:
            row.next_plan = None
        elif plan.allowance >= row.plan.allowance:
            dues = allowances.of_upgrade(row, plan, instant)
            row.plan, row.next_plan = plan, None
        else:
            row.next_plan = plan
        subscriptions.keep(row)
    allowances.give(row, dues, now=now)
    return row
