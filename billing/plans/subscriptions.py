"""Settling subscriptions: webhooks, return pages, owners' changes and the sweep all call `settle`.

It asks Stripe for a subscription and its invoices, and makes our row and the credits of its months match. However often
and in whatever order it is called, the same state at Stripe gives the same rows, and each month's credits come once.
Plan changes never touch bought credits. What owners may do is in `changes`, what staff may do in `invoiced`.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import Plan, PlanPrice, StripeCustomer, StripePrice, Subscription, SubscriptionState
from billing.plans import allowances
from billing.plans.periods import Period, first_period
from credits.models import Wallet
from organizations import audit_events
from organizations.models import Organization

logger = logging.getLogger(__name__)

# Stripe's states, as ours.
STATES = {
    "incomplete": SubscriptionState.INCOMPLETE,
    "active": SubscriptionState.ACTIVE,
    "trialing": SubscriptionState.ACTIVE,
    "past_due": SubscriptionState.PAST_DUE,
    "unpaid": SubscriptionState.PAST_DUE,
    "paused": SubscriptionState.PAST_DUE,
    "canceled": SubscriptionState.CANCELED,
    "incomplete_expired": SubscriptionState.CANCELED,
}
LIVE = frozenset({SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE})
# How often Stripe is asked again because the row was written meanwhile.
MOST_QUESTIONS = 6


class UnknownPrice(Exception):
    """A subscription has a price that is not ours. Nothing was changed; staff decide."""


class TooBusy(Exception):
    """The subscription was written each time while Stripe was asked. Call again later."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A subscription and its invoices at Stripe, and the plan that its next invoice is for."""

    state: stripe_gateway.SubscriptionState
    invoices: list[stripe_gateway.InvoiceState]
    plan: Plan


def settle(stripe_id: str, *, now: datetime | None = None) -> Subscription | None:
    """Make an organization's subscription match Stripe's, and grant what its months bring.

    None: it belongs to no customer of ours. now: for tests. Outside any transaction. Any number of calls, at once and
    in any order, end in the same state. Raises UnknownPrice, TooBusy, and the gateway's Refused and Unavailable.
    """
    organization = _organization_of(stripe_id)
    if organization is None:
        return None
    for _question in range(MOST_QUESTIONS):
        # An answer is written only if the row was not written since Stripe was asked: it could be the older one.
        revision = Subscription.objects.filter(organization=organization).values_list("revision", flat=True).first()
        state = stripe_gateway.read_subscription(stripe_id)
        answer = _Answer(state, stripe_gateway.find_invoices(stripe_id), _plan_of(state))
        with transaction.atomic():
            row = lock(organization)
            if (row.revision if row else None) == revision:
                return _write(organization, row, answer, now or timezone.now())
    raise TooBusy(stripe_id)


def lock(organization: Organization) -> Subscription | None:
    """Lock the organization's wallet, then its subscription, and return that. Inside the caller's transaction."""
    Wallet.objects.select_for_update(no_key=True).get(organization=organization)
    rows = Subscription.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("plan", "next_plan", "organization").filter(organization=organization).first()


def keep(row: Subscription) -> None:
    """Save a locked row; an answer that Stripe was asked for before is not written over it."""
    row.revision += 1
    row.save()


def plan_at(price_id: str) -> Plan | None:
    """Return the plan that a price at Stripe is for."""
    price = StripePrice.objects.select_related("plan").filter(stripe_id=price_id).first()
    return price.plan if price else None


def is_free(plan: Plan, currency: str) -> bool:
    """Whether a plan costs nothing in a currency."""
    return PlanPrice.objects.filter(plan=plan, currency=currency, amount_minor=0).exists()


def begin_free(row: Subscription, plan: Plan, at: datetime, *, now: datetime | None) -> None:
    """Put a locked row without a live subscription at Stripe on a free plan, from the instant `at`.

    A period of a free plan that still runs goes on, and its credits don't come again: leaving and returning brings
    nothing. Otherwise a period begins at `at`.
    """
    is_known = Subscription.objects.filter(pk=row.pk).exists()
    runs_on = is_known and row.stripe_id is None and row.period_start <= at < row.period_end
    row.plan, row.next_plan, row.stripe_id = plan, None, None
    row.state, row.is_invoiced, row.ends_at_period_end = SubscriptionState.ACTIVE, False, False
    row.unpaid_invoice_url = ""
    if not runs_on:
        row.anchor_at = at
        row.period_start, row.period_end = first_period(at, ZoneInfo(row.organization.time_zone))
    keep(row)
    dues = allowances.of_month(row, plan, Period(row.period_start, row.period_end))
    allowances.give(row, dues, now=now)


def _organization_of(stripe_id: str) -> Organization | None:
    known = Organization.objects.filter(subscription__stripe_id=stripe_id).first()
    if known is not None:
        return known
    customer = stripe_gateway.read_subscription(stripe_id).customer
    found = StripeCustomer.objects.select_related("organization").filter(stripe_id=customer or "").first()
    return found.organization if found else None


def _plan_of(state: stripe_gateway.SubscriptionState) -> Plan:
    plan = plan_at(state.price_id or "")
    if plan is None or state.period_start is None or state.period_end is None:
        message = f"Subscription {state.id} is for the price {state.price_id}, which is none of ours."
        raise UnknownPrice(message)
    return plan


def _write(organization: Organization, row: Subscription | None, answer: _Answer, now: datetime) -> Subscription | None:
    """Write Stripe's answer to the locked row, if it is about the subscription that the organization is on."""
    if not _is_followed(row, answer.state):
        if STATES.get(answer.state.status) in LIVE and row is not None:
            _report_second(organization, row, answer.state.id, now)
        return row
    target = row or Subscription(organization=organization, created_at=now, currency=answer.state.currency)
    before = Subscription.objects.filter(pk=target.pk).first()
    _follow(target, answer)
    target.settled_at = now
    keep(target)
    allowances.give(target, allowances.of_invoices(target, answer.invoices), now=now)
    _record(before, target, now)
    if target.state == SubscriptionState.CANCELED and target.next_plan is not None:
        begin_free(target, target.next_plan, answer.state.ended_at or target.period_end, now=now)
    return target


def _is_followed(row: Subscription | None, state: stripe_gateway.SubscriptionState) -> bool:
    """Whether this is the subscription that the organization is on, or one that replaces an ended one."""
    if row is None:
        return state.status != "incomplete_expired"
    if row.stripe_id == state.id:
        return True
    is_free_to_go = not row.is_invoiced and (row.stripe_id is None or row.state not in LIVE)
    return STATES.get(state.status) in LIVE and (is_free_to_go or row.state == SubscriptionState.CANCELED)


def _follow(row: Subscription, answer: _Answer) -> None:
    """Fill a locked row from Stripe's answer. The row's plan is the one paid for; the price names the next one."""
    state = answer.state
    is_ending = state.cancel_at_period_end or state.status == "canceled"
    waits = row.next_plan if row.stripe_id == state.id else None
    row.plan = _paid_plan(answer) or answer.plan
    if is_ending:
        row.next_plan = waits if waits is not None and is_free(waits, state.currency) else None
    else:
        row.next_plan = answer.plan if answer.plan != row.plan else None
    row.stripe_id, row.currency, row.is_invoiced = state.id, state.currency, False
    row.state = STATES.get(state.status, SubscriptionState.PAST_DUE)
    row.ends_at_period_end = state.cancel_at_period_end and row.state != SubscriptionState.CANCELED
    row.period_start = state.period_start or row.period_start
    row.period_end = state.period_end or row.period_end
    row.anchor_at = state.anchor_at or row.period_start
    unpaid = [invoice for invoice in answer.invoices if invoice.status == "open" and invoice.remaining_minor > 0]
    row.unpaid_invoice_url = unpaid[0].hosted_url if unpaid and row.state != SubscriptionState.CANCELED else ""


def _paid_plan(answer: _Answer) -> Plan | None:
    """The plan that the newest paid invoice of the current month was for; None while none of it is paid."""
    paid = [
        invoice
        for invoice in answer.invoices
        if invoice.status == "paid" and invoice.period_end == answer.state.period_end and invoice.price_id
    ]
    # They come newest first, and of two made in the same second `max` takes the first.
    newest = max(paid, key=lambda each: each.created_at, default=None)
    return plan_at(str(newest.price_id)) if newest else None


def _record(before: Subscription | None, after: Subscription, now: datetime) -> None:
    """Write an audit event for each change that Stripe's answer made."""
    details = {"plan": after.plan.key, "stripe_id": after.stripe_id, "period_end": after.period_end.isoformat()}
    for action in _changes(before, after):
        audit_events.record(
            action=action,
            organization=after.organization,
            target=after.plan.key,
            details=details,
            now=now,
        )


def _changes(before: Subscription | None, after: Subscription) -> list[Action]:
    if before is None or before.stripe_id != after.stripe_id:
        return [Action.SUBSCRIPTION_STARTED]
    changes = {
        Action.SUBSCRIPTION_CHANGED: before.plan_id != after.plan_id,
        Action.SUBSCRIPTION_RENEWED: before.period_start != after.period_start,
        Action.SUBSCRIPTION_OVERDUE: before.state != after.state == SubscriptionState.PAST_DUE,
        Action.SUBSCRIPTION_PAID: before.state != after.state == SubscriptionState.ACTIVE,
        Action.SUBSCRIPTION_ENDED: before.state != after.state == SubscriptionState.CANCELED,
        Action.SUBSCRIPTION_CHANGE_PLANNED: after.next_plan_id not in {None, before.next_plan_id},
        Action.SUBSCRIPTION_ENDING: after.ends_at_period_end and not before.ends_at_period_end,
        Action.SUBSCRIPTION_RESUMED: before.ends_at_period_end and not after.ends_at_period_end and after.state in LIVE,
    }
    return [action for action, is_so in changes.items() if is_so]


def _report_second(organization: Organization, row: Subscription, stripe_id: str, now: datetime) -> None:
    """Report that an organization pays two subscriptions at Stripe; staff must end one. The audit event comes once."""
    logger.error("Organization %s pays for %s and for %s", organization.slug, stripe_id, row.stripe_id or "its plan")
    audit_events.record_once(
        key=stripe_id,
        action=Action.SUBSCRIPTION_SECOND_AT_STRIPE,
        organization=organization,
        target=stripe_id,
        now=now,
    )
