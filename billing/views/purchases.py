"""The owners' pages of purchases: the list, one order, the return from the payment page, and printable documents.

What may be paid or canceled is decided in `billing.purchases`.
"""

import logging
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing import stripe_gateway
from billing.models import Method, Purchase, PurchaseState
from billing.purchases.orders import terms_of
from billing.purchases.queries import purchases_csv, purchases_page
from billing.purchases.settlement import WAITING, WrongPayment, cancel, settle
from billing.views.buy import to_payment
from credits.balance.queries import balance_of
from credits.models import Wallet
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization

logger = logging.getLogger(__name__)

PER_PAGE = 50
# The return page reloads every so many seconds for a while, and then waits for a click.
LOOKS_AGAIN_SECONDS = 5
LOOKS_AGAIN_FOR_SECONDS = 15 * 60


@require_safe
@owner_required
def purchases(request: MemberRequest, organization: Organization) -> HttpResponse:
    """List what was ordered, newest first."""
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    context: dict[str, Any] = {"organization": organization, "program": wallet.program if wallet else None}
    before, after = (request.GET.get(name, "").replace("\0", "")[:20] for name in ("before", "after"))
    page = purchases_page(organization, before=before, after=after, limit=PER_PAGE)
    if page is None:
        refusal = _("This page of the list no longer exists.")
        return render(request, "billing/purchases/purchases.html", {**context, "refusal": refusal}, status=422)
    here = reverse("purchases", args=[organization.slug])
    context |= {
        "page": page,
        "older_url": f"{here}?before={page.older}" if page.older else None,
        "newer_url": f"{here}?after={page.newer}" if page.newer else None,
    }
    return render(request, "billing/purchases/purchases.html", context)


@require_safe
@owner_required
def as_csv(_request: MemberRequest, organization: Organization) -> HttpResponseBase:
    """Send all purchases as a file."""
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    if wallet is None:
        raise Http404
    lines = purchases_csv(organization, wallet.program)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{organization.slug}-purchases.csv"'
    return response


@require_safe
@owner_required
def purchase(request: MemberRequest, organization: Organization, reference: str) -> HttpResponse:
    """Show one order and its actions."""
    return render(request, "billing/purchases/purchase.html", _context(organization, _find(organization, reference)))


@require_safe
@owner_required
def document(request: MemberRequest, organization: Organization, reference: str) -> HttpResponse:
    """The order's printable document: how to transfer the money, or the receipt once it is paid."""
    return render(request, "billing/purchases/document.html", _context(organization, _find(organization, reference)))


@require_safe
@owner_required
def returned(request: MemberRequest, organization: Organization, reference: str) -> HttpResponse:
    """The return from the payment page: settle at once, show the result, and reload while it is not final.

    A GET that writes, on purpose: settling can be repeated.
    """
    found, silent = _find(organization, reference), False
    try:
        found = settle(found.pk)
    except WrongPayment:
        found.refresh_from_db()
    except stripe_gateway.GatewayError as error:
        logger.warning("%s can't be settled now: %s", found.reference, error)
        silent = True
    context = {**_context(organization, found), "is_silent": silent, "balance": _balance(organization)}
    response = render(request, "billing/purchases/return.html", context)
    age = (timezone.now() - found.created_at).total_seconds()
    if _may_still_change(found) and age < LOOKS_AGAIN_FOR_SECONDS:
        response["Refresh"] = str(LOOKS_AGAIN_SECONDS)
    return response


@require_safe
@owner_required
def left(request: MemberRequest, organization: Organization, reference: str) -> HttpResponse:
    """The return from the payment page without paying. Nothing changes."""
    return render(request, "billing/purchases/canceled.html", _context(organization, _find(organization, reference)))


@require_POST
@owner_required
def pay(request: MemberRequest, organization: Organization, reference: str) -> HttpResponse:
    """Continue to pay an open order. A second click leads to the same page."""
    return to_payment(request, organization, _find(organization, reference))


@require_POST
@owner_required
def cancel_order(request: MemberRequest, organization: Organization, reference: str) -> HttpResponse:
    """Cancel an order. One that was paid meanwhile is kept."""
    found = _find(organization, reference)
    try:
        ended = cancel(found, actor=request.user)
    except WrongPayment:
        messages.error(request, _("The amount paid does not match the order. Our support team is looking into it."))
    except stripe_gateway.GatewayError as error:
        logger.warning("%s can't be canceled now: %s", found.reference, error)
        messages.warning(request, _("The payment service did not respond. Try again in a moment."))
    else:
        if ended.state == PurchaseState.CANCELED:
            messages.success(request, _("Order %(reference)s canceled.") % {"reference": found.reference})
        else:
            messages.warning(request, _("The order can no longer be canceled."))
    return redirect("purchase", organization.slug, found.reference)


def _find(organization: Organization, reference: str) -> Purchase:
    """The organization's order with this reference, however it is typed; 404 without."""
    found = (
        Purchase.objects.select_related("organization", "bought_by", "grant", "promotion")
        .filter(organization=organization, reference=reference.upper())
        .first()
    )
    if found is None:
        raise Http404
    return found


def _context(organization: Organization, found: Purchase) -> dict[str, Any]:
    is_waiting = found.state in WAITING and found.expires_at > timezone.now()
    return {
        "organization": organization,
        "program": organization.wallet.program,
        "terms": terms_of(organization),
        "purchase": found,
        "is_waiting": is_waiting,
        "is_by_card": found.method == Method.CARD,
        "is_transfer": found.method == Method.BANK_TRANSFER,
        "off_minor": found.list_amount_minor - found.amount_minor,
        "can_pay_now": is_waiting and found.method == Method.CARD and stripe_gateway.is_set_up(),
    }


def _may_still_change(found: Purchase) -> bool:
    return found.method == Method.CARD and found.state in {*WAITING, PurchaseState.PROCESSING}


def _balance(organization: Organization) -> int:
    return balance_of(organization.wallet, timezone.now()).available
