"""Plan changes by owners: choose a plan, change it, cancel it, keep it. What staff may do is in `invoiced`.

A higher plan begins at once, and Stripe charges the difference for the rest of the month; any other begins with the
next month. What Stripe did is read back by `subscriptions.settle`, which also resolves a call whose answer was lost.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import Plan, PlanPrice, Subscription, SubscriptionState
from billing.plans import checkouts, subscriptions
from billing.plans.periods import Period, share_left
from organizations import audit_events
from organizations.models import Organization, User
from organizations.refusals import Refusal


class PlanRefused(Refusal):
    """The plan can't be chosen, changed or canceled now; the message says why and what to do."""


class ChangeKind(Enum):
    """What choosing a plan does."""

    SUBSCRIBE = "subscribe"  # it begins once it is paid on Stripe's page
    BEGIN = "begin"  # a free plan begins now
    UPGRADE = "upgrade"  # a higher plan begins now, and the difference is charged
    WAIT = "wait"  # another plan begins with the next month
    STAY = "stay"  # a change or end that was planned is revoked
    NOTHING = "nothing"  # it is the current plan, and nothing is planned


ACTIONS = {
    ChangeKind.BEGIN: Action.SUBSCRIPTION_BEGIN,
    ChangeKind.UPGRADE: Action.SUBSCRIPTION_UPGRADE,
    ChangeKind.WAIT: Action.SUBSCRIPTION_WAIT,
    ChangeKind.STAY: Action.SUBSCRIPTION_STAY,
}


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What choosing a plan would do. Money in minor units, credits in smallest units.

    price_minor: a month's. due_minor: to be paid now; for an upgrade as of `begins_at`, Stripe computes it to the
    second. brings: credits that come now.
    """

    kind: ChangeKind
    plan: Plan
    currency: str
    price_minor: int
    due_minor: int
    brings: int
    begins_at: datetime


def subscription_of(organization: Organization) -> Subscription | None:
    """Return the organization's subscription with its plans, ended or not; None if it never had one."""
    rows = Subscription.objects.select_related("plan", "next_plan", "organization")
    return rows.filter(organization=organization).first()


def is_live(subscription: Subscription | None) -> bool:
    """Whether there is a plan that is paid or overdue."""
    return subscription is not None and subscription.state in subscriptions.LIVE


def refresh(organization: Organization, *, now: datetime | None = None) -> None:
    """Read what was changed at Stripe, such as in its portal. Outside any transaction."""
    row = subscription_of(organization)
    if row is not None and row.stripe_id is not None:
        subscriptions.settle(row.stripe_id, now=now)


def change_to(organization: Organization, plan: Plan, *, now: datetime) -> PlanChange:
    """Return what choosing a plan would do. Writes nothing. Raises PlanRefused."""
    row = subscription_of(organization)
    currency = row.currency if row is not None and is_live(row) else organization.currency
    price = PlanPrice.objects.filter(plan=plan, currency=currency).first()
    if price is None or not plan.is_sold or plan.program_id != organization.wallet.program_id:
        raise PlanRefused(_("This plan is not available."))
    if row is None or not is_live(row):
        kind = ChangeKind.SUBSCRIBE if price.amount_minor else ChangeKind.BEGIN
    else:
        kind = _kind(row, plan, price.amount_minor)
    begins_at, due, brings = now, 0, plan.allowance
    if kind == ChangeKind.SUBSCRIBE:
        due = price.amount_minor
    elif kind == ChangeKind.UPGRADE and row is not None:
        period = Period(row.period_start, row.period_end)
        due = share_left(price.amount_minor - _price(row.plan, currency), period, now)
        brings = share_left(max(0, plan.allowance - row.plan.allowance), period, now)
    elif kind == ChangeKind.WAIT and row is not None:
        begins_at, brings = row.period_end, 0
    elif kind in {ChangeKind.STAY, ChangeKind.NOTHING}:
        brings = 0
    return PlanChange(kind, plan, currency, price.amount_minor, due, brings, begins_at)


def _kind(row: Subscription, plan: Plan, amount_minor: int) -> ChangeKind:
    """What choosing a plan does where there is a live one. Raises PlanRefused."""
    if row.is_invoiced:
        raise PlanRefused(_("Your plan is paid by invoice. Contact support to change it."))
    if plan == row.plan:
        return ChangeKind.STAY if row.next_plan_id or row.ends_at_period_end else ChangeKind.NOTHING
    if row.stripe_id is None:
        return ChangeKind.SUBSCRIBE if amount_minor else ChangeKind.BEGIN
    if row.state == SubscriptionState.PAST_DUE:
        raise PlanRefused(_("An invoice for your plan is unpaid. Pay it first, then change the plan."))
    if amount_minor > _price(row.plan, row.currency):
        return ChangeKind.UPGRADE
    return ChangeKind.NOTHING if plan == row.next_plan else ChangeKind.WAIT


def choose(
    *, organization: Organization, plan: Plan, actor: User, form_token: str, now: datetime | None = None
) -> str | None:
    """Do what `change_to` returns; return the address of Stripe's page if the plan is paid there, else None.

    form_token: the form's, at most 64 characters; a form acts once. Outside any transaction. Raises PlanRefused,
    BeingPaid, and the gateway's OutcomeUnknown, Unavailable and Refused.
    """
    change = change_to(organization, plan, now=now or timezone.now())
    if change.kind == ChangeKind.SUBSCRIBE:
        return checkouts.open_checkout(
            organization=organization,
            plan=plan,
            currency=change.currency,
            actor=actor,
            form_token=form_token,
            now=now,
        )
    if change.kind == ChangeKind.NOTHING:
        return None
    if change.kind == ChangeKind.BEGIN:
        _begin_free(organization, plan, currency=change.currency, now=now)
    elif change.kind == ChangeKind.UPGRADE:
        _upgrade(organization, plan, form_token, now=now)
    elif change.kind == ChangeKind.WAIT:
        _wait_for(organization, plan, form_token, now=now)
    else:
        _stay(organization, form_token, now=now)
    _record(organization, ACTIONS[change.kind], plan, actor, form_token, now=now)
    return None


def cancel(*, organization: Organization, actor: User, form_token: str, now: datetime | None = None) -> Subscription:
    """Let the plan end with its month; its credits stay until then. A second call changes nothing.

    Outside any transaction. Raises PlanRefused and the gateway's errors.
    """
    row = subscription_of(organization)
    if row is None or not is_live(row):
        raise PlanRefused(_("You have no plan to cancel."))
    if row.is_invoiced:
        raise PlanRefused(_("Your plan is paid by invoice. Contact support to cancel it."))
    if row.stripe_id is None:
        _mark_ending(organization, next_plan=None)
    else:
        stripe_gateway.cancel_at_period_end(row.stripe_id, cancel=True, key=f"plan-cancel:{form_token}")
        subscriptions.settle(row.stripe_id, now=now)
        _mark_ending(organization, next_plan=None)
    _record(organization, Action.SUBSCRIPTION_CANCEL, row.plan, actor, form_token, now=now)
    row.refresh_from_db()
    return row


def _begin_free(organization: Organization, plan: Plan, *, currency: str, now: datetime | None) -> None:
    instant = now or timezone.now()
    with transaction.atomic():
        row = subscriptions.lock(organization)
        if row is not None and row.stripe_id is not None and is_live(row):
            return  # a paid one began meanwhile
        row = row or Subscription(organization=organization, created_at=instant)
        row.currency = currency
        subscriptions.begin_free(row, plan, instant, now=now)


def _upgrade(organization: Organization, plan: Plan, form_token: str, *, now: datetime | None) -> None:
    """Charge the difference and begin the higher plan.

    A planned change is revoked first, so that the difference is to the plan that is paid for.
    """
    row = _stay(organization, form_token, now=now, must_be_at_stripe=True)
    price = checkouts.price_at_stripe(plan, row.currency)
    try:
        stripe_gateway.change_plan(str(row.stripe_id), price, f"plan-upgrade:{plan.key}:{form_token}")
    except stripe_gateway.AuthenticationRequired as asked:
        raise PlanRefused(
            _("Your bank needs you to confirm this payment. Use another payment method, or contact your bank.")
        ) from asked
    except stripe_gateway.Declined as declined:
        raise PlanRefused(
            _("The payment was declined, and the plan has not changed. Reason: %(reason)s")
            % {"reason": declined.message}
        ) from declined
    finally:
        subscriptions.settle(str(row.stripe_id), now=now)


def _wait_for(organization: Organization, plan: Plan, form_token: str, *, now: datetime | None) -> None:
    """Have another plan begin with the next month: a paid one by its price at Stripe, a free one by our own row."""
    row = _stay(organization, form_token, now=now, must_be_at_stripe=True)
    if subscriptions.is_free(plan, row.currency):
        stripe_gateway.cancel_at_period_end(str(row.stripe_id), cancel=True, key=f"plan-leave:{form_token}")
        subscriptions.settle(str(row.stripe_id), now=now)
        _mark_ending(organization, next_plan=plan)
        return
    price = checkouts.price_at_stripe(plan, row.currency)
    stripe_gateway.change_plan(str(row.stripe_id), price, f"plan-wait:{plan.key}:{form_token}", prorates=False)
    subscriptions.settle(str(row.stripe_id), now=now)


def _stay(
    organization: Organization, form_token: str, *, now: datetime | None, must_be_at_stripe: bool = False
) -> Subscription:
    """Revoke a planned change or end, and return the subscription then."""
    with transaction.atomic():
        row = subscriptions.lock(organization)
        if row is None or not is_live(row):
            raise PlanRefused(_("The plan has ended. Choose a plan again."))
        if row.stripe_id is None:
            if must_be_at_stripe:
                raise PlanRefused(_("The plan has changed in the meantime. Review it again."))
            row.ends_at_period_end, row.next_plan = False, None
            subscriptions.keep(row)
            return row
    stripe_id, goes_on = row.stripe_id, True
    if row.ends_at_period_end:
        stripe_gateway.cancel_at_period_end(stripe_id, cancel=False, key=f"plan-resume:{form_token}")
        goes_on = False
    if row.next_plan is not None and not subscriptions.is_free(row.next_plan, row.currency):
        price = _paid_price(row)
        stripe_gateway.change_plan(stripe_id, price, f"plan-stay:{form_token}", prorates=False)
        goes_on = False
    if not goes_on:
        row = subscriptions.settle(stripe_id, now=now) or row
    return row


def _paid_price(row: Subscription) -> str:
    """The price at which the current plan was last paid: it stays, whatever the plan costs others by now."""
    for invoice in stripe_gateway.find_invoices(str(row.stripe_id)):
        if invoice.status == "paid" and subscriptions.plan_at(invoice.price_id or "") == row.plan:
            return str(invoice.price_id)
    return checkouts.price_at_stripe(row.plan, row.currency)


def _mark_ending(organization: Organization, *, next_plan: Plan | None) -> None:
    """Note which free plan follows when the plan ends, if any. A plan that does not end stays as it is."""
    with transaction.atomic():
        row = subscriptions.lock(organization)
        if row is None or not is_live(row):
            return
        if row.stripe_id is None:
            row.ends_at_period_end = True
        if row.ends_at_period_end:
            row.next_plan = next_plan
            subscriptions.keep(row)


def _price(plan: Plan, currency: str) -> int:
    """What a month of a plan costs now, in minor units; 0 where it is not sold in the currency."""
    return PlanPrice.objects.filter(plan=plan, currency=currency).values_list("amount_minor", flat=True).first() or 0


def _record(
    organization: Organization, action: Action, plan: Plan, actor: User, form_token: str, *, now: datetime | None
) -> None:
    """Write the audit event of an owner's act, once for its form."""
    audit_events.record_once(
        key=f"{plan.key}:{form_token}",
        action=action,
        organization=organization,
        actor=actor,
        target=plan.key,
        now=now,
    )
