"""The owners' pages of the plan: show it, change it, cancel it, and return from Stripe's pages.

What a choice does is decided in `billing.plans.changes`.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import stripe_gateway
from billing.customers import payment_methods
from billing.models import Plan, PlanCheckout, StripeCustomer
from billing.plans import changes, checkouts
from billing.plans.changes import ChangeKind
from billing.plans.queries import plan_page
from billing.views.error_messages import STRIPE_ERRORS, sentence_for
from billing.views.form_tokens import new_token, token_of
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from organizations.refusals import Refusal


@require_safe
@owner_required
def plan(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the plan and the plans on offer."""
    return _page(request, organization)


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def choose_plan(request: MemberRequest, organization: Organization, key: str) -> HttpResponse:
    """GET: show what choosing a plan costs and brings. POST: choose it, once for its form."""
    chosen = get_object_or_404(Plan, program__wallets__organization=organization, key=key)
    if request.method != "POST":
        return _confirmation(request, organization, chosen)
    try:
        page = changes.choose(organization=organization, plan=chosen, actor=request.user, form_token=token_of(request))
    except Refusal as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    except STRIPE_ERRORS as error:
        sentence, status = sentence_for(error)
        return _page(request, organization, refusal=sentence, status=status)
    if page is not None:
        return redirect(page)
    messages.success(request, _said(organization, chosen))
    return redirect("plan", organization.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def cancel_plan(request: MemberRequest, organization: Organization) -> HttpResponse:
    """GET: ask for confirmation. POST: let the plan end with its month."""
    subscription = changes.subscription_of(organization)
    if request.method != "POST":
        if not changes.is_live(subscription):
            return redirect("plan", organization.slug)
        context = {"organization": organization, "subscription": subscription, "token": new_token()}
        return render(request, "billing/plan/cancel.html", context)
    try:
        changes.cancel(organization=organization, actor=request.user, form_token=token_of(request))
    except Refusal as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    except STRIPE_ERRORS as error:
        sentence, status = sentence_for(error)
        return _page(request, organization, refusal=sentence, status=status)
    messages.success(request, _("Plan canceled. It stays active until the end of the month."))
    return redirect("plan", organization.slug)


@require_POST
@owner_required
def plan_portal(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Redirect to Stripe's portal, for invoices and payment methods."""
    customer = get_object_or_404(StripeCustomer, organization=organization)
    try:
        page = stripe_gateway.create_portal(
            customer=customer.stripe_id,
            return_url=request.build_absolute_uri(reverse("plan_portal_return", args=[organization.slug])),
            locale=organization.language,
            key=f"portal:{organization.pk}:{token_of(request)}",
        )
    except STRIPE_ERRORS as error:
        sentence, status = sentence_for(error)
        return _page(request, organization, refusal=sentence, status=status)
    return redirect(page)


@require_safe
@owner_required
def plan_portal_return(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Refresh the plan, whether or not Stripe's events have come, and show it."""
    try:
        changes.refresh(organization)
        payment_methods.refresh(organization)
    except STRIPE_ERRORS as error:
        messages.warning(request, sentence_for(error)[0])
    return redirect("plan", organization.slug)


@require_safe
@owner_required
def plan_return(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Settle what was paid on Stripe's page, whether or not its events have come, and show the result."""
    checkout = _checkout_of(request, organization)
    try:
        settled = checkouts.settle_checkout(checkout)
        payment_methods.refresh(organization)
    except STRIPE_ERRORS as error:
        messages.warning(request, sentence_for(error)[0])
        return redirect("plan", organization.slug)
    if settled is not None and changes.is_live(settled):
        messages.success(request, _said(organization, settled.plan))
    else:
        messages.warning(request, _("Your plan starts as soon as the payment completes."))
    return redirect("plan", organization.slug)


def _checkout_of(request: MemberRequest, organization: Organization) -> PlanCheckout:
    try:
        checkout_id = UUID(request.GET.get("checkout", ""))
    except (ValueError, ValidationError):
        raise Http404 from None
    return get_object_or_404(PlanCheckout, organization=organization, pk=checkout_id)


def _said(organization: Organization, chosen: Plan) -> str:
    """The message about a choice, from the current row."""
    row = changes.subscription_of(organization)
    if row is not None and row.plan == chosen:
        return _("Your plan is %(plan)s.") % {"plan": chosen.name}
    return _("%(plan)s starts at the end of this month.") % {"plan": chosen.name}


def _confirmation(request: MemberRequest, organization: Organization, chosen: Plan) -> HttpResponse:
    try:
        change = changes.change_to(organization, chosen, now=timezone.now())
    except Refusal as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    if change.kind == ChangeKind.NOTHING:
        return redirect("plan", organization.slug)
    context: dict[str, Any] = {
        "organization": organization,
        "program": organization.wallet.program,
        "subscription": changes.subscription_of(organization),
        "change": change,
        "kind": change.kind.value,
        "default_method": next(iter(payment_methods.on_file(organization)), None),
        "token": new_token(),
    }
    return render(request, "billing/plan/choose.html", context)


def _page(request: MemberRequest, organization: Organization, *, refusal: str = "", status: int = 200) -> HttpResponse:
    context = {"organization": organization, "refusal": refusal, "token": new_token(), **plan_page(organization)}
    return render(request, "billing/plan/plan.html", context, status=status)
