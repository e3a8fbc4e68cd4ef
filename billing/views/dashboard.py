"""The owners' dashboard: what is left, what needs attention, what was used; and the switch that turns AI on again."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.dashboard.queries import overview
from billing.purchases.on_sale import sells_credits
from credits.ledger.thresholds.events import DEPLETED, LOW
from credits.models import Wallet
from notices.queries import Shown, shown
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from usage.models import Service
from usage.services.ai_switch import NothingLeft, switch_ai


@require_safe
@owner_required
def dashboard(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show how the organization's credits stand."""
    return _page(request, organization)


@require_POST
@owner_required
def switch_on(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Turn AI on again in one service. A second click changes nothing."""
    key = request.POST.get("service", "").replace("\0", "")
    service = get_object_or_404(Service.objects.select_related("organization"), organization=organization, key=key)
    try:
        switch_ai(service=service, on=True, actor=request.user, needs_credits=True)
    except NothingLeft as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    messages.success(request, _("AI turned on in %(service)s.") % {"service": service})
    return redirect("dashboard", organization.slug)


def _page(request: MemberRequest, organization: Organization, *, refusal: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"organization": organization, "refusal": refusal}
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    context["notices"] = _notices(organization, wallet)
    if wallet is not None:
        context["sells"] = sells_credits(wallet.program)
    if wallet is not None and wallet.last_number:
        context |= overview(organization, wallet, now=timezone.now())
    return render(request, "billing/dashboard/dashboard.html", context, status=status)


def _notices(organization: Organization, wallet: Wallet | None) -> list[Shown]:
    """The owners' open notices, less what the wallet knows to be over."""
    since = {LOW.name: wallet.low_since, DEPLETED.name: wallet.depleted_since} if wallet is not None else {}
    return shown(organization, over=[kind for kind, instant in since.items() if instant is None])
