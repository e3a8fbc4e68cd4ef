"""The owners' page of payment methods: what is on file; add one, make one the default, remove one.

What may be removed is decided in `billing.customers`.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.customers import payment_methods as methods
from billing.models import PaymentMethod
from billing.views.error_messages import STRIPE_ERRORS, sentence_for
from billing.views.form_tokens import new_token, token_of
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from organizations.refusals import Refusal


@require_safe
@owner_required
def payment_methods(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show what is on file."""
    return _page(request, organization)


@require_POST
@owner_required
def add_payment_method(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Redirect to Stripe's page on which a method is put on file."""
    try:
        return redirect(methods.open_setup(organization, form_token=token_of(request)))
    except STRIPE_ERRORS as error:
        sentence, status = sentence_for(error)
        return _page(request, organization, refusal=sentence, status=status)


@require_safe
@owner_required
def payment_methods_return(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Refresh what is on file, whether or not Stripe's events have come, and show it."""
    try:
        methods.refresh(organization)
    except STRIPE_ERRORS as error:
        messages.warning(request, sentence_for(error)[0])
    return redirect("payment_methods", organization.slug)


@require_POST
@owner_required
def make_payment_method_default(request: MemberRequest, organization: Organization, pk: int) -> HttpResponse:
    """Make a method on file the default."""
    return _act(request, organization, pk, methods.make_default, _("Default payment method updated: %(method)s."))


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def remove_payment_method(request: MemberRequest, organization: Organization, pk: int) -> HttpResponse:
    """GET: ask for confirmation. POST: remove a method from file."""
    if request.method == "POST":
        return _act(request, organization, pk, methods.remove, _("Payment method removed: %(method)s."))
    method = get_object_or_404(PaymentMethod, organization=organization, pk=pk, detached_at=None)
    context = {"organization": organization, "method": method, "token": new_token()}
    return render(request, "billing/payment_methods/remove.html", context)


def _act(
    request: MemberRequest, organization: Organization, pk: int, verb: Callable[..., None], sentence: str
) -> HttpResponse:
    method = get_object_or_404(PaymentMethod, organization=organization, pk=pk)
    try:
        verb(organization=organization, method=method, actor=request.user, form_token=token_of(request))
    except Refusal as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    except STRIPE_ERRORS as error:
        sentence, status = sentence_for(error)
        return _page(request, organization, refusal=sentence, status=status)
    messages.success(request, sentence % {"method": method})
    return redirect("payment_methods", organization.slug)


def _page(request: MemberRequest, organization: Organization, *, refusal: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "organization": organization,
        "methods": methods.on_file(organization),
        "this_month": timezone.localdate().replace(day=1),
        "refusal": refusal,
        "token": new_token(),
    }
    return render(request, "billing/payment_methods/payment_methods.html", context, status=status)
