"""The owners' page of codes: redeem a promotion code, enter a referral code, and the organization's own one.

Whether a code may be used is decided in `billing.purchases`.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.models import PromotionUse, Purchase, PurchaseState, Referral, ReferralCode
from billing.purchases.forms import CodeForm
from billing.purchases.orders import terms_of
from billing.purchases.promotions import redeem as redeem_code
from billing.purchases.referrals import code_of, use_code
from credits.models import Wallet
from organizations.access import MemberRequest, owner_required
from organizations.accounts.tries import count_try
from organizations.formats import format_credits_with_unit
from organizations.models import Organization
from organizations.refusals import Refusal

MOST_SHOWN = 100


@require_safe
@owner_required
def promotions(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the codes that were used, the referral code, and the forms for more."""
    return _page(request, organization)


@require_POST
@owner_required
def redeem(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Redeem a promotion code: the credits come at once."""
    form = CodeForm(request.POST, prefix="promotion")
    if not form.is_valid():
        return _page(request, organization, promotion_form=form, status=422)
    try:
        count_try(request, "promotion-code")
        use = redeem_code(organization=organization, code=form.cleaned_data["code"], actor=request.user)
    except Refusal as refusal:
        form.add_error("code", str(refusal))
        return _page(request, organization, promotion_form=form, status=409)
    program = organization.wallet.program
    credits = format_credits_with_unit(
        use.promotion.credits or 0, decimals=program.decimals, unit=program.unit, language=get_language() or "en"
    )
    messages.success(
        request, _("%(code)s redeemed: %(credits)s added.") % {"code": use.promotion.code, "credits": credits}
    )
    return redirect("promotions", organization.slug)


@require_POST
@owner_required
def refer(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Enter the referral code of another organization."""
    form = CodeForm(request.POST, prefix="referral")
    if not form.is_valid() or not _has_referrals(organization):
        return _page(request, organization, referral_form=form, status=422)
    code = form.cleaned_data["code"]
    try:
        count_try(request, "referral-code")
        use_code(organization=organization, code=code, actor=request.user, now=timezone.now())
    except Refusal as refusal:
        form.add_error("code", str(refusal))
        return _page(request, organization, referral_form=form, status=409)
    messages.success(request, _("Referral code saved. Both organizations receive credits with your first purchase."))
    return redirect("promotions", organization.slug)


@require_POST
@owner_required
def make_code(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Make the organization's referral code. A second call changes nothing."""
    if _has_referrals(organization):
        code_of(organization, actor=request.user)
    return redirect("promotions", organization.slug)


def _has_referrals(organization: Organization) -> bool:
    terms = terms_of(organization)
    return terms is not None and bool(terms.referrer_credits or terms.referred_credits)


def _page(
    request: MemberRequest,
    organization: Organization,
    *,
    promotion_form: CodeForm | None = None,
    referral_form: CodeForm | None = None,
    status: int = 200,
) -> HttpResponse:
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    context: dict[str, Any] = {
        "organization": organization,
        "program": wallet.program if wallet else None,
        "promotion_form": promotion_form or CodeForm(prefix="promotion"),
        "uses": PromotionUse.objects.filter(organization=organization)
        .select_related("promotion")
        .order_by("-used_at")[:MOST_SHOWN],
        "discounts": Purchase.objects.filter(
            organization=organization, state=PurchaseState.PAID, promotion__isnull=False
        )
        .select_related("promotion")
        .order_by("-paid_at")[:MOST_SHOWN],
    }
    if wallet is not None and _has_referrals(organization):
        context |= {
            "terms": terms_of(organization),
            "referral_form": referral_form or CodeForm(prefix="referral"),
            "own_code": ReferralCode.objects.filter(organization=organization).first(),
            "referral": Referral.objects.filter(referred=organization).select_related("referrer").first(),
            "referrals": Referral.objects.filter(referrer=organization)
            .select_related("referred")
            .order_by("-created_at")[:MOST_SHOWN],
            "has_bought": Purchase.objects.filter(organization=organization, state=PurchaseState.PAID).exists(),
        }
    return render(request, "billing/promotions/promotions.html", context, status=status)
