"""Renewals: plans that are not billed through Stripe begin their months here; about the others Stripe is asked.

Both jobs may run at any time, twice at once, and be killed anywhere: each organization has a transaction of its own,
under its wallet's lock, and what was done is not found again. What a month brings belongs in `allowances`.
"""

import logging
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import Allowance, CheckoutStage, PlanCheckout, Subscription, SubscriptionState
from billing.plans import allowances, checkouts, subscriptions
from billing.plans.periods import periods_until
from jobs.outbox import within
from organizations import audit_events
from organizations.models import Organization

logger = logging.getLogger(__name__)

# A run begins nothing after this, so that its task ends before the queue's soft time limit.
RUN_SECONDS = 20
# How soon Stripe is asked again about what is due, and how soon about everything.
ASK_AGAIN = timedelta(minutes=10)
ASK_ANYWAY = timedelta(days=1)


def renew_due(*, now: datetime | None = None) -> dict[str, int]:
    """Renew every invoiced or free plan whose month is over; return how many were renewed and how many failed.

    Where several months have passed, the last is granted; the others' credits would have expired and are recorded.
    now: for tests.
    """
    instant = now or timezone.now()
    due = Subscription.objects.filter(stripe_id=None, period_end__lte=instant)
    due = due.exclude(state=SubscriptionState.CANCELED).order_by("period_end")
    done = failed = 0
    for subscription in within(RUN_SECONDS, due.select_related("organization").iterator(chunk_size=200)):
        try:
            done += renew(subscription.organization, now=instant)
        except Exception:  # one organization's error must not stop the others
            logger.exception("The plan of %s could not be renewed", subscription.organization.slug)
            failed += 1
    return {"renewed": done, "failed": failed}


def renew(organization: Organization, *, now: datetime) -> bool:
    """Renew one organization's plan if its month is over; return whether anything changed."""
    with transaction.atomic():
        row = subscriptions.lock(organization)
        if row is None or row.stripe_id or row.state == SubscriptionState.CANCELED or row.period_end > now:
            return False
        if row.ends_at_period_end:
            row.state, row.ends_at_period_end = SubscriptionState.CANCELED, False
            subscriptions.keep(row)
            _record(row, Action.SUBSCRIPTION_ENDED, now)
            return True
        if row.next_plan is not None:
            row.plan, row.next_plan = row.next_plan, None
        months = periods_until(row.anchor_at, row.period_end, now, ZoneInfo(organization.time_zone))
        row.period_start, row.period_end = months[-1]
        subscriptions.keep(row)
        dues = [due for month in months for due in allowances.of_month(row, row.plan, month)]
        allowances.give(row, dues, now=now)
        _record(row, Action.SUBSCRIPTION_RENEWED, now)
    return True


def ask_stripe(*, now: datetime | None = None) -> dict[str, int]:
    """Ask Stripe about plans and open checkouts whose events may have been lost. Outside any transaction.

    Returns how many plans were asked about, and how many plans and checkouts failed. now: for tests.
    """
    instant = now or timezone.now()
    give_up = time.monotonic() + RUN_SECONDS
    done = failed = 0
    for subscription in _to_ask_about(instant)[:500]:
        if time.monotonic() > give_up:
            break
        is_known = _ask(subscription, instant)
        done += is_known
        failed += not is_known
    open_pages = PlanCheckout.objects.filter(stage=CheckoutStage.OPEN, created_at__lte=instant - ASK_AGAIN)
    for checkout in open_pages.select_related("organization").order_by("created_at")[:100]:
        if time.monotonic() > give_up:
            break
        try:
            checkouts.settle_checkout(checkout, now=now)
        except (stripe_gateway.GatewayError, subscriptions.UnknownPrice, subscriptions.TooBusy):
            logger.exception("The checkout %s could not be settled", checkout.pk)
            failed += 1
    return {"asked": done, "failed": failed}


def _to_ask_about(now: datetime) -> QuerySet[Subscription]:
    """Subscriptions at Stripe that were not asked about for a day, or for ten minutes where something is due."""
    granted = Allowance.objects.filter(subscription=OuterRef("pk"), period_start=OuterRef("period_start"))
    something_is_due = (
        Q(period_end__lte=now)
        | Q(state__in=[SubscriptionState.PAST_DUE, SubscriptionState.INCOMPLETE])
        | (Q(plan__allowance__gt=0) & ~Exists(granted))
    )
    rows = Subscription.objects.filter(stripe_id__isnull=False).exclude(state=SubscriptionState.CANCELED)
    rows = rows.filter(
        Q(settled_at=None)
        | Q(settled_at__lte=now - ASK_ANYWAY)
        | (Q(settled_at__lte=now - ASK_AGAIN) & something_is_due)
    )
    return rows.select_related("organization").order_by(F("settled_at").asc(nulls_first=True), "pk")


def _ask(subscription: Subscription, now: datetime) -> bool:
    try:
        subscriptions.settle(str(subscription.stripe_id), now=now)
    except (stripe_gateway.GatewayError, subscriptions.UnknownPrice, subscriptions.TooBusy):
        logger.exception("Stripe could not be asked about the plan of %s", subscription.organization.slug)
        # To the end of the queue, so that one that never answers does not keep the others waiting.
        Subscription.objects.filter(pk=subscription.pk).update(settled_at=now)
        return False
    return True


def _record(row: Subscription, action: Action, now: datetime) -> None:
    audit_events.record(
        action=action,
        organization=row.organization,
        target=row.plan.key,
        details={"period_end": row.period_end.isoformat()},
        now=now,
    )
