"""Payment methods on file. Our rows are copies to show; Stripe's state is the truth, and is read before it matters."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import AutoRecharge, PaymentMethod, StripeCustomer, Subscription
from billing.plans.subscriptions import LIVE, TooBusy
from billing.purchases.orders import customer_of
from organizations import audit_events
from organizations.models import Organization, User
from organizations.refusals import Refusal

# How often Stripe is asked again because the copies were written meanwhile.
MOST_QUESTIONS = 6


class MethodRefused(Refusal):
    """The payment method can't be removed or made the default now; the message says why."""


def on_file(organization: Organization) -> list[PaymentMethod]:
    """Return our copies of what is on file, the default first. One query."""
    return list(organization.payment_methods.filter(detached_at=None).order_by("-is_default", "-attached_at", "pk"))


def refresh(organization: Organization, *, now: datetime | None = None) -> list[PaymentMethod]:
    """Refresh the copies from Stripe and return them. Where there is no default, the newest becomes it.

    Outside any transaction; may be repeated. Raises the gateway's errors, and TooBusy.
    """
    customer = StripeCustomer.objects.filter(organization=organization).first()
    if customer is None:
        return []
    instant = now or timezone.now()
    for _question in range(MOST_QUESTIONS):
        before = _copies(organization)
        methods = stripe_gateway.list_payment_methods(customer.stripe_id)
        default = stripe_gateway.default_payment_method(customer.stripe_id)
        if methods and default is None:
            default = max(methods, key=lambda method: (method.created_at, method.id)).id
            _set_default(customer.stripe_id, default, key=f"first-method:{default}:{instant:%Y%m%d%H%M}")
        with transaction.atomic():
            StripeCustomer.objects.select_for_update(no_key=True).get(pk=customer.pk)
            # If the copies were written since Stripe was asked, this answer could be the older one.
            if _copies(organization) == before:
                _copy(organization, methods, default, instant)
                return on_file(organization)
    raise TooBusy(customer.stripe_id)


def open_setup(organization: Organization, *, form_token: str) -> str:
    """Open a page of Stripe's on which a method is put on file, and return its address. The same token, the same page.

    Outside any transaction. Raises the gateway's Refused and OutcomeUnknown.
    """
    page = settings.BASE_URL + reverse("payment_methods", args=[organization.slug])
    checkout = stripe_gateway.create_setup_checkout(
        customer=customer_of(organization),
        currency=organization.currency,
        locale=organization.language,
        success_url=settings.BASE_URL + reverse("payment_methods_return", args=[organization.slug]),
        cancel_url=page,
        key=f"setup:{organization.pk}:{form_token}",
    )
    return checkout.url


def make_default(
    *, organization: Organization, method: PaymentMethod, actor: User, form_token: str, now: datetime | None = None
) -> None:
    """Make a method on file the default for every charge, including the plan's. Once for its form.

    Outside any transaction. Raises MethodRefused and the gateway's errors.
    """
    if method.detached_at is not None:
        raise MethodRefused(_("This payment method is no longer saved."))
    customer = StripeCustomer.objects.get(organization=organization)
    _set_default(customer.stripe_id, method.stripe_id, key=f"default-method:{method.stripe_id}:{form_token}")
    plan = Subscription.objects.filter(organization=organization, state__in=LIVE, stripe_id__isnull=False).first()
    if plan is not None:
        stripe_gateway.charge_to(str(plan.stripe_id), method.stripe_id, f"plan-method:{method.stripe_id}:{form_token}")
    refresh(organization, now=now)
    _record(Action.PAYMENT_METHOD_MADE_DEFAULT, method, actor, form_token, now=now)


def remove(
    *, organization: Organization, method: PaymentMethod, actor: User, form_token: str, now: datetime | None = None
) -> None:
    """Remove a method from file for good, unless a plan or auto-recharge needs it. A second call changes nothing.

    Outside any transaction. Raises MethodRefused and the gateway's errors.
    """
    if method.detached_at is None:
        _refuse_if_needed(organization, method)
        try:
            stripe_gateway.detach_payment_method(
                payment_method=method.stripe_id, key=f"remove-method:{method.stripe_id}:{form_token}"
            )
        except stripe_gateway.Refused:
            # It was removed already, in the portal or by another form; only our copy is left.
            if any(method.stripe_id == each.stripe_id for each in refresh(organization, now=now)):
                raise
        refresh(organization, now=now)
    _record(Action.PAYMENT_METHOD_REMOVED, method, actor, form_token, now=now)


def _refuse_if_needed(organization: Organization, method: PaymentMethod) -> None:
    if not method.is_default:
        return
    if len(on_file(organization)) > 1:
        raise MethodRefused(_("This is your default payment method. Make another one the default first."))
    plan = Subscription.objects.filter(organization=organization, state__in=LIVE, stripe_id__isnull=False)
    if plan.filter(ends_at_period_end=False).exists():
        raise MethodRefused(
            _("Your plan is charged to this payment method. Add another one first, or cancel the plan.")
        )
    if AutoRecharge.objects.filter(organization=organization, is_on=True).exists():
        raise MethodRefused(
            _("Auto-recharge is charged to this payment method. Add another one first, or turn auto-recharge off.")
        )


def _set_default(customer: str, method: str, *, key: str) -> None:
    stripe_gateway.set_default_payment_method(customer=customer, payment_method=method, key=key)


def _copies(organization: Organization) -> list[tuple[str, bool, datetime | None]]:
    rows = organization.payment_methods.order_by("pk")
    return list(rows.values_list("stripe_id", "is_default", "detached_at"))


def _copy(
    organization: Organization, methods: list[stripe_gateway.MethodState], default: str | None, now: datetime
) -> None:
    rows = organization.payment_methods
    rows.filter(detached_at=None).exclude(stripe_id__in=[method.id for method in methods]).update(
        detached_at=now, is_default=False
    )
    rows.filter(is_default=True).exclude(stripe_id=default or "").update(is_default=False)
    for method in methods:
        PaymentMethod.objects.update_or_create(
            organization=organization,
            stripe_id=method.id,
            defaults={
                "kind": method.kind,
                "brand": method.brand,
                "last4": method.last4,
                "exp_month": method.exp_month,
                "exp_year": method.exp_year,
                "email": method.email,
                "is_default": method.id == default,
                "attached_at": method.created_at,
                "detached_at": None,
            },
        )


def _record(action: Action, method: PaymentMethod, actor: User, form_token: str, *, now: datetime | None) -> None:
    """Write the audit event of an owner's act, once for its form."""
    audit_events.record_once(
        key=f"{method.stripe_id}:{form_token}",
        action=action,
        organization=method.organization,
        actor=actor,
        target=method.stripe_id,
        details={"method": str(method)},
        now=now,
    )
