"""The owners' page of refund requests: request a refund of a purchase, and read the answer.

Whether a refund may be requested is decided in `billing.refunds`.
"""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from billing.models import Purchase, RefundRequest, RequestState
from billing.refunds import requests
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization


class RefundRequestForm(forms.Form):
    """Why a refund is requested."""

    message = forms.CharField(
        label=_("Why are you requesting a refund?"), max_length=2000, widget=forms.Textarea(attrs={"rows": 5})
    )


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def refund_request(request: MemberRequest, organization: Organization, reference: str) -> HttpResponse:
    """GET: show the requests for a purchase with their answers, and a form if one is allowed. POST: request."""
    purchase = get_object_or_404(
        Purchase.objects.select_related("organization__wallet__program"),
        organization=organization,
        reference=reference,
    )
    form = RefundRequestForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, purchase, form, status=422 if form.is_bound else 200)
    try:
        requests.request(purchase, message=form.cleaned_data["message"], actor=request.user)
    except requests.RequestRefused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, purchase, form, status=409)
    return redirect("refund_request", organization.slug, purchase.reference)


def _page(request: MemberRequest, purchase: Purchase, form: RefundRequestForm, *, status: int) -> HttpResponse:
    asked = list(RefundRequest.objects.filter(purchase=purchase).order_by("-created_at"))
    is_open = any(each.state == RequestState.OPEN for each in asked)
    context: dict[str, Any] = {
        "organization": purchase.organization,
        "purchase": purchase,
        "amount": requests.money(purchase.amount_minor, purchase),
        "requests": asked,
        "form": form,
        "may_ask": not is_open and requests.may_request(purchase),
        "is_open": is_open,
    }
    return render(request, "billing/refunds/request.html", context, status=status)
