"""What owners may do about a plan: choose one, change it, leave it, stay. Staff's part is in `invoiced_plans`.

A dearer plan begins at once, and Stripe charges the difference for the rest of the month; another waits for the month's
end. What Stripe has done is read back by `subscriptions.settle`, so that a call whose answer was lost is known later.
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
    """The plan can't be chosen, changed or left as things stand; the sentence says why and what to do."""


class Kind(Enum):
    """What choosing a plan means."""

    SUBSCRIBE = "subscribe"  # pay on Stripe's page; it begins then
    BEGIN = "begin"  # a free plan begins now
    UPGRADE = "upgrade"  # a dearer plan begins now, the difference is charged
    WAIT = "wait"  # another plan begins when the month is over
    STAY = "stay"  # what was to happen at the month's end is taken back
    NOTHING = "nothing"  # it is the plan already


ACTIONS = {
    Kind.BEGIN: Action.SUBSCRIPTION_BEGIN,
    Kind.UPGRADE: Action.SUBSCRIPTION_UPGRADE,
    Kind.WAIT: Action.SUBSCRIPTION_WAIT,
    Kind.STAY: Action.SUBSCRIPTION_STAY,
}


@dataclass(frozen=True, slots=True)
class Change:
    """What choosing a plan would do. Money in minor units, credits in smallest units.

    price_minor: a month. due_minor: to be paid now; for an upgrade Stripe works it out to the second, this is how it
    stands at `begins_at`. brings: credits that come now.
    """

    kind: Kind
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
    """Whether there is a plan that goes on or is overdue."""
    return subscription is not None and subscription.state in subscriptions.LIVE


def look(organization: Organization, *, now: datetime | None = None) -> None:
    """Read back what was done about the plan elsewhere, such as on Stripe's own page. Outside any transaction."""
    row = subscription_of(organization)
    if row is not None and row.stripe_id is not None:
        subscriptions.settle(row.stripe_id, now=now)


def change_to(organization: Organization, plan: Plan, *, now: datetime) -> Change:
    """Say what choosing a plan would do. Writes nothing. Raises PlanRefused."""
    row = subscription_of(organization)
    currency = row.currency if row is not None and is_live(row) else organization.currency
    price = PlanPrice.objects.filter(plan=plan, currency=currency).first()
    if price is None or not plan.is_sold or plan.program_id != organization.wallet.program_id:
        raise PlanRefused(_("This plan is not on sale."))
    if row is None or not is_live(row):
        kind = Kind.SUBSCRIBE if price.amount_minor else Kind.BEGIN
    else:
        kind = _kind(row, plan, price.amount_minor)
    begins_at, due, brings = now, 0, plan.allowance
    if kind == Kind.SUBSCRIBE:
        due = price.amount_minor
    elif kind == Kind.UPGRADE and row is not None:
        period = Period(row.period_start, row.period_end)
        due = share_left(price.amount_minor - _price(row.plan, currency), period, now)
        brings = share_left(max(0, plan.allowance - row.plan.allowance), period, now)
    elif kind == Kind.WAIT and row is not None:
        begins_at, brings = row.period_end, 0
    elif kind in {Kind.STAY, Kind.NOTHING}:
        brings = 0
    return Change(kind, plan, currency, price.amount_minor, due, brings, begins_at)


def _kind(row: Subscription, plan: Plan, amount_minor: int) -> Kind:
    """What choosing a plan means for one who has a live one. Raises PlanRefused."""
    if row.is_invoiced:
        raise PlanRefused(_("Your plan is invoiced. Ask our support to change it."))
    if plan == row.plan:
        return Kind.STAY if row.next_plan_id or row.ends_at_period_end else Kind.NOTHING
    if row.stripe_id is None:
        return Kind.SUBSCRIBE if amount_minor else Kind.BEGIN
    if row.state == SubscriptionState.PAST_DUE:
        raise PlanRefused(_("An invoice of your plan is not paid. Pay it first, then change the plan."))
    if amount_minor > _price(row.plan, row.currency):
        return Kind.UPGRADE
    return Kind.NOTHING if plan == row.next_plan else Kind.WAIT


def choose(
    *, organization: Organization, plan: Plan, actor: User, form_token: str, now: datetime | None = None
) -> str | None:
    """Do what `change_to` says; return the address of Stripe's page where it has to be paid there, else None.

    form_token: what the form carried, at most 64 characters; a form acts once. Outside any transaction. Raises
    PlanRefused, BeingPaid, and the gateway's OutcomeUnknown, Unavailable and Refused.
    """
    change = change_to(organization, plan, now=now or timezone.now())
    if change.kind == Kind.SUBSCRIBE:
        return checkouts.open_checkout(
            organization=organization,
            plan=plan,
            currency=change.currency,
            actor=actor,
            form_token=form_token,
            now=now,
        )
    if change.kind == Kind.NOTHING:
        return None
    if change.kind == Kind.BEGIN:
        _begin_free(organization, plan, currency=change.currency, now=now)
    elif change.kind == Kind.UPGRADE:
        _upgrade(organization, plan, form_token, now=now)
    elif change.kind == Kind.WAIT:
        _wait_for(organization, plan, form_token, now=now)
    else:
        _stay(organization, form_token, now=now)
    _record(organization, ACTIONS[change.kind], plan, actor, form_token, now=now)
    return None


def cancel(*, organization: Organization, actor: User, form_token: str, now: datetime | None = None) -> Subscription:
    """Let the plan end with its month; what it brought stays until then. A second call changes nothing.

    Outside any transaction. Raises PlanRefused and the gateway's errors.
    """
    row = subscription_of(organization)
    if row is None or not is_live(row):
        raise PlanRefused(_("There is no plan to cancel."))
    if row.is_invoiced:
        raise PlanRefused(_("Your plan is invoiced. Ask our support to end it."))
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
    """Charge the difference and begin the dearer plan. What waited for the month's end is taken back first, so that
    the difference is that to the plan which is paid."""
    row = _stay(organization, form_token, now=now, must_be_at_stripe=True)
    price = checkouts.price_at_stripe(plan, row.currency)
    try:
        stripe_gateway.change_plan(str(row.stripe_id), price, f"plan-upgrade:{plan.key}:{form_token}")
    except stripe_gateway.AuthenticationRequired as asked:
        raise PlanRefused(
            _("Your bank wants to see you for this payment. Pay with another payment method, or ask your bank.")
        ) from asked
    except stripe_gateway.Declined as declined:
        raise PlanRefused(
            _("The payment was declined: %(reason)s The plan has not changed.") % {"reason": declined.message}
        ) from declined
    finally:
        subscriptions.settle(str(row.stripe_id), now=now)


def _wait_for(organization: Organization, plan: Plan, form_token: str, *, now: datetime | None) -> None:
    """Have another plan begin when the month is over: a paid one by the next invoice's price, a free one by ours."""
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
    """Take back what was to happen at the month's end, and return the subscription as it then stands."""
    with transaction.atomic():
        row = subscriptions.lock(organization)
        if row is None or not is_live(row):
            raise PlanRefused(_("The plan has ended. Choose one again."))
        if row.stripe_id is None:
            if must_be_at_stripe:
                raise PlanRefused(_("The plan has changed meanwhile. Look at it again."))
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
    """The price at which the current plan was last paid: who stays goes on paying that, whatever it costs others."""
    for invoice in stripe_gateway.find_invoices(str(row.stripe_id)):
        if invoice.status == "paid" and subscriptions.plan_at(invoice.price_id or "") == row.plan:
            return str(invoice.price_id)
    return checkouts.price_at_stripe(row.plan, row.currency)


def _mark_ending(organization: Organization, *, next_plan: Plan | None) -> None:
    """Note which free plan follows when the month is over, if any. Nothing where the plan does not end."""
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
    """What a month of a plan costs now; 0 where it is not sold in the currency."""
    return PlanPrice.objects.filter(plan=plan, currency=currency).values_list("amount_minor", flat=True).first() or 0


def _record(
    organization: Organization, action: Action, plan: Plan, actor: User, form_token: str, *, now: datetime | None
) -> None:
    """Leave the audit event of an owner's act, once for its form."""
    audit_events.record_once(
        key=f"{plan.key}:{form_token}",
        action=action,
        organization=organization,
        actor=actor,
        target=plan.key,
        now=now,
    )
