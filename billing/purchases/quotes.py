"""Quotes: a choice from the catalogue in, its price and credits out. Reads only.

A quote is frozen on the order, so a later change of the catalogue changes no order. Money in minor units, credits in
smallest units, both exact: amounts that don't divide are not on sale.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing.models import CustomAmount, Pack, PackPrice, ProgramCurrency, Purchase, PurchaseState
from billing.purchases.promotions import PromotionRefused, find_promotion
from credits.models import MAX_CREDITS, Program
from organizations.formats import format_credits_with_unit, format_money
from organizations.models import Organization
from organizations.refusals import Refusal


class NotForSale(Refusal):
    """The pack, amount, number of lots or currency is not on sale to this organization."""


@dataclass(frozen=True, slots=True)
class PackChoice:
    """A number of lots of a pack."""

    pack_key: str
    lots: int = 1


@dataclass(frozen=True, slots=True)
class CustomChoice:
    """An amount of money, in minor units of the organization's currency."""

    amount_minor: int


Choice = PackChoice | CustomChoice


@dataclass(frozen=True, slots=True)
class Quote:
    """What is to be paid and what it brings. `name`: what is bought, as the order will always call it.

    list_amount_minor: the price before the promotion.
    """

    pack_id: int | None
    lots: int
    name: str
    credits: int
    list_amount_minor: int
    amount_minor: int
    currency: str
    promotion_id: int | None
    validity_days: int | None


def currency_for(program: Program, organization: Organization) -> str:
    """Return the currency in which the program sells to this organization: its country's, or the one for everywhere.

    Raises NotForSale where there is none.
    """
    everywhere = ""
    for currency in ProgramCurrency.objects.filter(program=program).order_by("pk"):
        if organization.country in currency.countries:
            return currency.code
        if not currency.countries:
            everywhere = everywhere or currency.code
    if not everywhere:
        raise NotForSale(_("Credits are not sold in your organization's country."))
    return everywhere


def quote(organization: Organization, choice: Choice, *, promotion_code: str = "", now: datetime) -> Quote:
    """Return the quote for a choice. Raises NotForSale and PromotionRefused, each with a message."""
    program = organization.wallet.program
    currency = currency_for(program, organization)
    if isinstance(choice, PackChoice):
        quoted = _quote_pack(program, choice, currency)
    else:
        quoted = _quote_custom(organization, choice, currency)
    if quoted.credits > MAX_CREDITS:
        raise NotForSale(_("This exceeds the maximum for one order."))
    if not promotion_code:
        return quoted
    promotion = find_promotion(organization, promotion_code, now=now)
    if promotion.percent_off is None:
        raise PromotionRefused(_("This code adds credits without a purchase. Redeem it under Promotions."))
    # Rounded down, in the customer's favour.
    discounted = quoted.list_amount_minor * (100 - promotion.percent_off) // 100
    return replace(quoted, promotion_id=promotion.pk, amount_minor=discounted)


def _quote_pack(program: Program, choice: PackChoice, currency: str) -> Quote:
    price = (
        PackPrice.objects.select_related("pack")
        .filter(pack__program=program, pack__key=choice.pack_key, pack__is_sold=True, currency=currency)
        .first()
    )
    if price is None:
        raise NotForSale(_("This pack is not available."))
    pack: Pack = price.pack
    if not pack.least_lots <= choice.lots <= pack.most_lots:
        raise NotForSale(
            _("The quantity must be from %(least)d to %(most)d.") % {"least": pack.least_lots, "most": pack.most_lots}
        )
    amount_minor = price.amount_minor * choice.lots
    return Quote(
        pack_id=pack.pk,
        lots=choice.lots,
        name=f"{choice.lots} × {pack.name}" if choice.lots > 1 else pack.name,
        credits=pack.credits * choice.lots,
        list_amount_minor=amount_minor,
        amount_minor=amount_minor,
        currency=currency,
        promotion_id=None,
        validity_days=program.validity_days,
    )


def _quote_custom(organization: Organization, choice: CustomChoice, currency: str) -> Quote:
    program = organization.wallet.program
    terms = CustomAmount.objects.filter(program=program, currency=currency, is_sold=True).first()
    if terms is None:
        raise NotForSale(_("Custom amounts are not available."))
    if not terms.least_minor <= choice.amount_minor <= terms.most_minor:
        raise NotForSale(
            _("The amount must be from %(least)s to %(most)s.")
            % {
                "least": _money(terms.least_minor, currency),
                "most": _money(terms.most_minor, currency),
            }
        )
    steps, rest = divmod(choice.amount_minor, terms.step_minor)
    if rest:
        raise NotForSale(_("The amount must be a multiple of %(step)s.") % {"step": _money(terms.step_minor, currency)})
    return Quote(
        pack_id=None,
        lots=1,
        name=_in_words(steps * terms.credits_per_step, program, organization.language),
        credits=steps * terms.credits_per_step,
        list_amount_minor=choice.amount_minor,
        amount_minor=choice.amount_minor,
        currency=currency,
        promotion_id=None,
        validity_days=program.validity_days,
    )


def _in_words(credits: int, program: Program, language: str) -> str:
    """Format credits in the organization's language, whoever orders."""
    with translation.override(language):
        return format_credits_with_unit(credits, decimals=program.decimals, unit=program.unit, language=language)


def _money(amount_minor: int, currency: str) -> str:
    return format_money(amount_minor, currency=currency, language=get_language() or "en")


def open_orders(organization: Organization, *, now: datetime) -> Q:
    """Return the filter of the organization's orders that may still be paid and so count towards limits."""
    return Q(organization=organization, state__in=[PurchaseState.PENDING, PurchaseState.OPEN], expires_at__gt=now) | Q(
        organization=organization, state=PurchaseState.PROCESSING
    )


def ordered_credits(organization: Organization, *, now: datetime) -> int:
    """Return what the organization's open orders would bring, in smallest units."""
    return sum(Purchase.objects.filter(open_orders(organization, now=now)).values_list("credits", flat=True))
