"""The owners' page of services: what each has used this month, its name, and its AI switch."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from credits.balance.queries import balance_of
from credits.models import Wallet
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from usage import reports
from usage.models import Service
from usage.reports import periods
from usage.services.ai_switch import NothingLeft, switch_ai, switch_all_on
from usage.services.names import rename_service


class NameForm(forms.ModelForm):  # type: ignore[type-arg]
    """A service's name."""

    class Meta:
        model = Service
        fields = ["name"]


@require_safe
@owner_required
def services(request: MemberRequest, organization: Organization) -> HttpResponse:
    """The services with their switches."""
    return _page(request, organization)


@require_POST
@owner_required
def switch(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Switch AI on or off in one service. A second click changes nothing more."""
    service, wanted = _find(organization, request.POST.get("service", "")), request.POST.get("on")
    if wanted not in {"yes", "no"}:
        return _page(request, organization, refusal=_("Choose whether AI is on or off."), status=422)
    on = wanted == "yes"
    try:
        switch_ai(service=service, on=on, actor=request.user, needs_credits=True)
    except NothingLeft as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    sentence = _("AI turned on in %(service)s.") if on else _("AI turned off in %(service)s.")
    messages.success(request, sentence % {"service": service})
    return redirect("services", organization.slug)


@require_POST
@owner_required
def switch_all(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Switch AI on again wherever it is off."""
    if not Wallet.objects.filter(organization=organization).exists():
        return redirect("services", organization.slug)
    try:
        switched = switch_all_on(organization=organization, actor=request.user)
    except NothingLeft as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    if not switched:
        return redirect("services", organization.slug)
    sentence = ngettext("AI turned on in %(count)s service.", "AI turned on in %(count)s services.", switched)
    messages.success(request, sentence % {"count": switched})
    return redirect("services", organization.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def rename(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Give a service another name."""
    asked = request.POST if request.method == "POST" else request.GET
    service = _find(organization, asked.get("service", ""))
    form = NameForm(request.POST or None, initial={"name": service.name})
    if form.is_valid():
        rename_service(service=service, name=form.cleaned_data["name"], actor=request.user)
        messages.success(request, _("Service renamed to %(name)s.") % {"name": form.cleaned_data["name"]})
        return redirect("services", organization.slug)
    context = {"organization": organization, "service": service, "form": form}
    return render(request, "usage/services/rename.html", context, status=422 if form.errors else 200)


def _find(organization: Organization, key: str) -> Service:
    found = Service.objects.select_related("organization")
    return get_object_or_404(found, organization=organization, key=key.replace("\0", ""))


def _page(request: MemberRequest, organization: Organization, *, refusal: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"organization": organization, "refusal": refusal}
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    if wallet is not None:
        now, today = timezone.now(), timezone.localdate()
        month = reports.report(organization, periods.this_month(today), today=today, dimensions=["service"])
        used = {line.key: line.credits for line in month.by["service"]}
        found = list(Service.objects.filter(organization=organization).order_by("name", "pk"))
        context |= {
            "program": wallet.program,
            "rows": [(service, used.get(service.pk, 0)) for service in found],
            "off": sum(not service.is_ai_on for service in found),
            "has_credits": balance_of(wallet, now).available > 0,
        }
    return render(request, "usage/services/services.html", context, status=status)
