"""Checkouts of plans: Stripe's page on which a plan is subscribed to, and the prices at Stripe that it charges.

An organization has one such page open at a time; an older one is closed before another is opened, so that two tabs
can't both be paid. What was paid becomes a subscription in `subscriptions.settle`.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import CheckoutStage, Plan, PlanCheckout, PlanPrice, StripePrice, Subscription
from billing.plans import subscriptions
from billing.purchases.orders import customer_of
from organizations import audit_events
from organizations.models import Organization, User
from organizations.refusals import Refusal


class BeingPaid(Refusal):
    """A plan is being paid for on a page of this organization, or was paid for a moment ago."""


def open_checkout(
    *, organization: Organization, plan: Plan, currency: str, actor: User, form_token: str, now: datetime | None = None
) -> str:
    """Open a page of Stripe's on which a plan is subscribed to, and return its address. Outside any transaction.

    form_token: the form's, at most 64 characters; a form opens one page, however often it is sent. Raises BeingPaid,
    and the gateway's Refused and OutcomeUnknown (call again with the same token).
    """
    checkout = PlanCheckout.objects.filter(organization=organization, form_token=form_token).first()
    if checkout is None:
        _close_others(organization, now=now)
        checkout = _begin(organization, plan, currency, actor, form_token, now=now or timezone.now())
    if checkout.stage != CheckoutStage.OPEN:
        raise BeingPaid(_("This payment page has expired. Choose the plan again."))
    if checkout.url:
        return checkout.url
    page = stripe_gateway.create_subscription_checkout(
        customer=customer_of(organization),
        price_id=price_at_stripe(checkout.plan, checkout.currency),
        organization_id=organization.pk,
        locale=organization.language,
        success_url=f"{settings.BASE_URL}{reverse('plan_return', args=[organization.slug])}?checkout={checkout.pk}",
        cancel_url=settings.BASE_URL + reverse("plan", args=[organization.slug]),
        key=f"plan-checkout:{checkout.pk}",
    )
    kept = PlanCheckout.objects.filter(pk=checkout.pk, stage=CheckoutStage.OPEN)
    if not kept.update(stripe_session_id=page.session_id, url=page.url):
        # Another form was faster while Stripe was answering: only one page may be paid on.
        stripe_gateway.expire_checkout(page.session_id)
        raise BeingPaid(_("Another payment page was opened in the meantime. Choose the plan again."))
    return page.url


def settle_checkout(checkout: PlanCheckout, *, now: datetime | None = None) -> Subscription | None:
    """Ask Stripe about a page and return the subscription that was paid for on it; None if there is none yet.

    Outside any transaction; may be repeated. Raises what `subscriptions.settle` raises.
    """
    if checkout.stripe_session_id is None:
        # Stripe's answer with the address was lost, so nobody can have paid. The form may be sent again.
        _move(checkout, CheckoutStage.EXPIRED)
        return None
    return _follow(checkout, stripe_gateway.read_checkout(checkout.stripe_session_id), now=now)


def price_at_stripe(plan: Plan, currency: str) -> str:
    """Return the id of Stripe's monthly price of a plan; the first call makes it. Outside any transaction.

    Raises the gateway's Refused, OutcomeUnknown, Unavailable.
    """
    price = PlanPrice.objects.select_related("plan__program").get(plan=plan, currency=currency)
    name = f"{price.plan.program.key}/{price.plan.key}"
    if price.stripe_price_id and StripePrice.objects.filter(stripe_id=price.stripe_price_id).exists():
        return price.stripe_price_id
    stripe_id = stripe_gateway.ensure_price(
        plan_key=name,
        name=price.plan.name,
        amount_minor=price.amount_minor,
        currency=currency,
        key=f"price:{name}:{currency}:{price.amount_minor}",
    )
    StripePrice.objects.get_or_create(
        stripe_id=stripe_id,
        defaults={"plan": price.plan, "currency": currency, "amount_minor": price.amount_minor},
    )
    # Only if the price is still what was asked for: staff may have changed it meanwhile.
    PlanPrice.objects.filter(pk=price.pk, amount_minor=price.amount_minor).update(stripe_price_id=stripe_id)
    return stripe_id


def _close_others(organization: Organization, *, now: datetime | None) -> None:
    for other in PlanCheckout.objects.filter(organization=organization, stage=CheckoutStage.OPEN):
        if other.stripe_session_id is None:
            _move(other, CheckoutStage.EXPIRED)
            continue
        _follow(other, stripe_gateway.expire_checkout(other.stripe_session_id), now=now)
        other.refresh_from_db()
        if other.stage != CheckoutStage.EXPIRED:
            sentence = _("A plan was just paid for, or its payment is processing. Check the plan again in a minute.")
            raise BeingPaid(sentence)


def _begin(
    organization: Organization, plan: Plan, currency: str, actor: User, form_token: str, *, now: datetime
) -> PlanCheckout:
    terms: dict[str, Any] = {"plan": plan, "currency": currency, "begun_by": actor, "created_at": now}
    try:
        with transaction.atomic():
            checkout = PlanCheckout.objects.create(organization=organization, form_token=form_token, **terms)
            audit_events.record(
                action=Action.SUBSCRIPTION_CHECKOUT_OPENED,
                organization=organization,
                actor=actor,
                target=plan.key,
                details={"currency": currency},
                now=now,
            )
    except IntegrityError:
        again = PlanCheckout.objects.filter(organization=organization, form_token=form_token).first()
        if again is not None:
            return again
        raise BeingPaid(_("Someone else in your organization is changing the plan. Try again in a moment.")) from None
    return checkout


def _follow(
    checkout: PlanCheckout, state: stripe_gateway.CheckoutState, *, now: datetime | None
) -> Subscription | None:
    if state.status == "expired":
        _move(checkout, CheckoutStage.EXPIRED)
    if state.status != "complete" or state.subscription_id is None:
        return None
    settled = subscriptions.settle(state.subscription_id, now=now)
    _move(checkout, CheckoutStage.COMPLETE)
    return settled


def _move(checkout: PlanCheckout, stage: CheckoutStage) -> None:
    PlanCheckout.objects.filter(pk=checkout.pk, stage=CheckoutStage.OPEN).update(stage=stage)
