"""Buying: what is on sale, a preview of a choice, and the order that leads to the payment page.

Prices and permissions are decided in `billing.purchases`.
"""

import logging
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from billing import stripe_gateway
from billing.models import Method, Purchase
from billing.purchases import on_sale
from billing.purchases.forms import ChoiceForm, OrderForm
from billing.purchases.orders import (
    DetailsMissing,
    MayNotBuy,
    MethodMissing,
    begin_checkout,
    place_order,
    refuse_unless_buyer,
    terms_of,
)
from billing.purchases.promotions import PromotionRefused
from billing.purchases.quotes import NotForSale, currency_for
from billing.purchases.settlement import WAITING, settle
from credits.balance.queries import balance_of
from credits.models import Wallet
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from organizations.refusals import Refusal

logger = logging.getLogger(__name__)

CHOSEN = ("pack", "lots", "amount", "code")


@require_safe
@owner_required
def buy(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show what is on sale to the organization."""
    return _window(request, organization)


# The one page that a browser may show again on "back": its form then carries the same token, and orders once.
@cache_control(private=True, no_cache=True)
@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def review(request: MemberRequest, organization: Organization) -> HttpResponse:
    """GET: show what a choice costs and brings. POST: order it and go to pay."""
    try:
        currency = _currency(organization)
        if request.method == "POST":
            return _order(request, organization, OrderForm(request.POST, currency=currency))
        return _review(request, organization, ChoiceForm(request.GET, currency=currency))
    except Refusal as refusal:
        return _window(request, organization, refusal=refusal, status=409)


def _currency(organization: Organization) -> str:
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    if wallet is None:
        raise NotForSale(_("No credits are available to buy."))
    return currency_for(wallet.program, organization)


def _review(request: MemberRequest, organization: Organization, form: ChoiceForm) -> HttpResponse:
    if not form.is_valid():
        return _window(request, organization, form=form, status=422)
    ways = _ways_to_pay(organization)
    if ways["barrier"] is not None:
        raise ways["barrier"]
    preview, refusal = _preview(organization, form)
    context = {
        **ways,
        "organization": organization,
        "program": organization.wallet.program,
        "preview": preview,
        "refusal": refusal,
        "chosen": _chosen(request.GET, without=("code",) if refusal else ()),
        "choice_without_code": _chosen(request.GET, without=("code",)),
        "form_token": uuid4(),
    }
    return render(request, "billing/buy/review.html", context, status=409 if refusal else 200)


def _preview(organization: Organization, form: ChoiceForm) -> tuple[on_sale.Preview, Refusal | None]:
    """The preview of the choice. If only its code is wrong: the preview without it, and the code's error message."""
    code, now = form.cleaned_data["code"], timezone.now()
    try:
        return on_sale.preview(organization, form.choice, promotion_code=code, now=now), None
    except PromotionRefused as refusal:
        return on_sale.preview(organization, form.choice, promotion_code="", now=now), refusal


def _chosen(query: QueryDict, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    return {name: str(query[name]) for name in CHOSEN if query.get(name) and name not in without}


def _order(request: MemberRequest, organization: Organization, form: OrderForm) -> HttpResponse:
    if not form.is_valid():
        return _window(request, organization, form=form, status=422)
    if form.paid_by == Method.CARD and not stripe_gateway.is_set_up():
        _refuse_unless_free(organization, form)
    purchase = place_order(
        organization=organization,
        buyer=request.user,
        choice=form.choice,
        method=form.paid_by,
        form_token=str(form.cleaned_data["form_token"]),
        promotion_code=form.cleaned_data["code"],
    )
    return to_payment(request, organization, purchase)


def _refuse_unless_free(organization: Organization, form: OrderForm) -> None:
    code = form.cleaned_data["code"]
    if on_sale.preview(organization, form.choice, promotion_code=code, now=timezone.now()).quote.amount_minor:
        raise MayNotBuy(_("Card payments are not available yet."))


def to_payment(request: MemberRequest, organization: Organization, purchase: Purchase) -> HttpResponse:
    """Redirect to where an order is paid, or to its own page if there is nothing to pay."""
    here = redirect("purchase", organization.slug, purchase.reference)
    if purchase.amount_minor == 0:
        settle(purchase.pk)
        return redirect("purchase_return", organization.slug, purchase.reference)
    if purchase.method != Method.CARD or purchase.state not in WAITING or purchase.expires_at <= timezone.now():
        return here
    try:
        return redirect(begin_checkout(purchase))
    except stripe_gateway.Refused:
        # The error is on the order, and in the log for staff.
        return here
    except stripe_gateway.GatewayError as error:
        logger.warning("No payment page for %s: %s", purchase.reference, error)
        messages.warning(request, _("The payment page did not respond. Your order is saved. Try again in a moment."))
        return here


def _window(
    request: MemberRequest,
    organization: Organization,
    *,
    form: ChoiceForm | None = None,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of what is on sale, with the error message of a choice that was refused."""
    context: dict[str, Any] = {
        "organization": organization,
        "form": form,
        "refusal": refusal,
        "refusal_kind": type(refusal).__name__ if refusal else "",
    }
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    terms = terms_of(organization)
    try:
        currency = _currency(organization)
    except NotForSale as nothing:
        return render(request, "billing/buy/buy.html", {**context, "nothing": nothing}, status=status)
    if wallet is not None and terms is not None:
        context |= {
            **_ways_to_pay(organization),
            "program": wallet.program,
            "currency": currency,
            "balance": balance_of(wallet, timezone.now()),
            "packs": on_sale.packs_on_sale(wallet, currency),
            "custom": on_sale.custom_amount_on_sale(wallet, currency),
        }
    return render(request, "billing/buy/buy.html", context, status=status)


def _ways_to_pay(organization: Organization) -> dict[str, Any]:
    """The methods, and what each still needs; `barrier`: why no method can be used."""
    terms = terms_of(organization)
    card_lacks = _lack(organization, Method.CARD)
    takes_transfer = terms is not None and terms.takes_bank_transfer
    transfer_lacks = _lack(organization, Method.BANK_TRANSFER) if takes_transfer else card_lacks
    # What is missing for one method can be put right from the page itself.
    can_be_mended = isinstance(card_lacks, MethodMissing) or isinstance(transfer_lacks, DetailsMissing)
    return {
        "is_set_up": stripe_gateway.is_set_up(),
        "terms": terms,
        "takes_transfer": takes_transfer,
        "card_lacks": card_lacks,
        "transfer_lacks": transfer_lacks,
        "barrier": card_lacks if card_lacks and transfer_lacks and not can_be_mended else None,
    }


def _lack(organization: Organization, method: Method) -> MayNotBuy | None:
    try:
        refuse_unless_buyer(organization, method)
    except MayNotBuy as refusal:
        return refusal
    return None
