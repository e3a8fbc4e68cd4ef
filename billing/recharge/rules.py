"""The rule of auto-recharge: what an owner may choose, what the rule buys, and what prevents it. Reads only.

`decide` is called under the wallet's lock before a charge, and by pages that show what would happen. Money in minor
units, credits in smallest units; months are those of the organization's time zone.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing.models import (
    AutoRecharge,
    Dispute,
    Method,
    Pack,
    PackPrice,
    PaymentMethod,
    PurchaseState,
    RechargeAttempt,
    RechargeState,
    SaleTerms,
    Subscription,
    SubscriptionState,
)
from billing.purchases import orders, quotes
from credits import ledger
from credits.models import MAX_CREDITS
from organizations.calendar import month_of
from organizations.formats import format_credits_with_unit, format_money
from organizations.models import Organization
from organizations.refusals import Refusal

# The most that Stripe takes in one payment.
MOST_MINOR = 99_999_999
UNDER_WAY = (RechargeState.PENDING, RechargeState.UNKNOWN)


class RuleRefused(Refusal):
    """The rule is not allowed; `field` names what has to change: pack, threshold or monthly_limit."""

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Rule:
    """Below `threshold` buy lots of `pack` at `lot_minor`, for at most `monthly_limit_minor` a month."""

    pack: Pack
    lot_minor: int
    threshold: int
    monthly_limit_minor: int
    currency: str

    def lots_for(self, gap: int) -> int:
        """Return how many lots one purchase needs to close a gap to the threshold."""
        return max(self.pack.least_lots, -(-gap // self.pack.credits))


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a wallet holds: `available` can be spent, `debt` is owed, `held` counts towards the holding limit."""

    available: int
    debt: int
    held: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What to buy now and how to pay for it; without a quote, the obstacle."""

    obstacle: str
    quote: quotes.Quote | None = None
    terms: SaleTerms | None = None
    payment_method: str = ""


def terms_with_offer(organization: Organization) -> SaleTerms | None:
    """Return the terms of sale of an organization whose program offers auto-recharge, or None."""
    terms = orders.terms_of(organization)
    return terms if terms is not None and terms.recharge_pack_id is not None else None


def offered(organization: Organization) -> list[PackPrice]:
    """Return the packs that may be chosen, with their prices, in the organization's currency."""
    if terms_with_offer(organization) is None:
        return []
    try:
        currency = quotes.currency_for(organization.wallet.program, organization)
    except quotes.NotForSale:
        return []
    prices = PackPrice.objects.select_related("pack").filter(
        pack__program=organization.wallet.program_id, pack__is_sold=True, currency=currency
    )
    return list(prices.order_by("pack__position", "pack__pk"))


def make_rule(organization: Organization, *, pack_key: str, threshold: int, monthly_limit_minor: int) -> Rule:
    """Return the rule that an owner chose, at today's price. Raises RuleRefused, with the field that has to change."""
    price = next((price for price in offered(organization) if price.pack.key == pack_key), None)
    if price is None:
        raise RuleRefused(_("This pack is not available."), field="pack")
    rule = Rule(price.pack, price.amount_minor, threshold, monthly_limit_minor, price.currency)
    if threshold < 1:
        raise RuleRefused(_("The threshold must be greater than 0."), field="threshold")
    lots = rule.lots_for(threshold)
    cost = lots * rule.lot_minor
    if cost > MOST_MINOR or lots * rule.pack.credits > MAX_CREDITS:
        raise RuleRefused(_("A single payment would be too large. Choose a lower threshold."), field="threshold")
    if cost > monthly_limit_minor:
        raise RuleRefused(_limit_too_small(rule, lots, cost), field="monthly_limit")
    _refuse_above_holding(organization, rule)
    return rule


def _limit_too_small(rule: Rule, lots: int, cost: int) -> str:
    return _(
        "From zero, one recharge is %(lots)s × %(pack)s for %(cost)s. The monthly limit must be at least that amount."
    ) % {"lots": lots, "pack": rule.pack.name, "cost": money(cost, rule.currency)}


def _refuse_above_holding(organization: Organization, rule: Rule) -> None:
    program = organization.wallet.program
    most = rule.threshold - 1 + rule.pack.credits * rule.pack.least_lots
    if program.holding_limit is not None and most > program.holding_limit:
        sentence = _(
            "Your organization can hold up to %(limit)s. A recharge just below this threshold would exceed that."
        )
        limit = format_credits_with_unit(
            program.holding_limit, decimals=program.decimals, unit=program.unit, language=get_language() or "en"
        )
        raise RuleRefused(sentence % {"limit": limit}, field="threshold")


def consent_text(organization: Organization, rule: Rule) -> str:
    """Return the text that an owner agrees to, in the active language, with every figure of the rule."""
    program = organization.wallet.program

    def credits(amount: int) -> str:
        return format_credits_with_unit(
            amount, decimals=program.decimals, unit=program.unit, language=get_language() or "en"
        )

    return _(
        "When your balance falls below %(threshold)s, Drawdown automatically charges your saved payment method for "
        "%(pack)s (%(credits)s, %(price)s), as many as it takes to get back to %(threshold)s. It charges at most "
        "%(limit)s per calendar month (%(zone)s), until an owner turns it off."
    ) % {
        "threshold": credits(rule.threshold),
        "pack": rule.pack.name,
        "credits": credits(rule.pack.credits),
        "price": money(rule.lot_minor, rule.currency),
        "zone": organization.time_zone,
        "limit": money(rule.monthly_limit_minor, rule.currency),
    }


def rule_of(row: AutoRecharge) -> Rule:
    """Return the rule as it was agreed to."""
    return Rule(row.pack, row.lot_minor, row.threshold, row.monthly_limit_minor, row.currency)


def spent_in(organization: Organization, month_on: date) -> int:
    """Return how much of a month's limit is used: attempts that are paid, open or unknown, and orders paid later."""
    counted = Q(state__in=[*UNDER_WAY, RechargeState.SUCCEEDED]) | Q(purchase__state=PurchaseState.PAID)
    attempts = RechargeAttempt.objects.filter(counted, organization=organization, month_on=month_on)
    return int(attempts.aggregate(spent=Sum("amount_minor"))["spent"] or 0)


def default_method(organization: Organization) -> PaymentMethod | None:
    """Return the payment method that would be charged."""
    return organization.payment_methods.filter(is_default=True, detached_at=None).first()


def decide(row: AutoRecharge, holdings: Holdings) -> Decision:
    """Return what the rule buys for a wallet with these holdings, or the obstacle.

    The caller has checked that the rule is on, not paused, without an open attempt, and below its threshold.
    """
    organization, rule = row.organization, rule_of(row)
    try:
        terms = orders.refuse_unless_buyer(organization, Method.AUTO_RECHARGE)
        lot = _quote_lot(row, rule)
        method = default_method(organization)
        if method is None:
            return Decision(_("You have no saved payment method."))
        if Dispute.objects.filter(purchase__organization=organization, closed_at=None).exists():
            return Decision(_("A payment is disputed. We charge nothing until the dispute is closed."))
        if _awaits_allowance(organization, holdings.now):
            return Decision(_("The plan's credits for the new month have not been added yet."))
        quoted = _within_bounds(row, rule, lot, holdings)
        orders.refuse_above_limits(organization.wallet, quoted, held=holdings.held, now=holdings.now)
    except Refusal as refusal:
        return Decision(str(refusal))
    return Decision("", quoted, terms, method.stripe_id)


def _awaits_allowance(organization: Organization, now: datetime) -> bool:
    """Whether the plan continues, its last allowance has just expired, and the next one has not come yet."""
    row = Subscription.objects.select_related("plan", "next_plan").filter(organization=organization).first()
    if row is None or row.state != SubscriptionState.ACTIVE or row.ends_at_period_end:
        return False
    brings_credits = (row.next_plan or row.plan).allowance > 0
    return brings_credits and ledger.is_allowance_awaited(organization.wallet.pk, at=now)


def _quote_lot(row: AutoRecharge, rule: Rule) -> quotes.Quote:
    """Return the quote for the fewest lots sold, at today's price. Raises NotForSale, RuleRefused."""
    now = row.consented_at or row.organization.created_at
    lot = quotes.quote(row.organization, quotes.PackChoice(rule.pack.key, rule.pack.least_lots), now=now)
    if lot.currency != rule.currency or lot.amount_minor > rule.lot_minor * lot.lots:
        raise RuleRefused(_("The price has changed since you agreed. Review the settings again."))
    return lot


def _within_bounds(row: AutoRecharge, rule: Rule, lot: quotes.Quote, holdings: Holdings) -> quotes.Quote:
    """Return the quote for as many lots as are needed and allowed. Raises RuleRefused."""
    organization, program = row.organization, row.organization.wallet.program
    price = lot.amount_minor // lot.lots
    needed = rule.lots_for(rule.threshold - holdings.available + holdings.debt)
    left = rule.monthly_limit_minor - spent_in(organization, month_of(holdings.now, ZoneInfo(organization.time_zone)))
    lots = min(needed, left // price, MOST_MINOR // price, MAX_CREDITS // rule.pack.credits)
    if lots < lot.lots:
        raise RuleRefused(_("This month's spending limit is reached."))
    if program.holding_limit is not None:
        room = program.holding_limit - holdings.held - quotes.ordered_credits(organization, now=holdings.now)
        # Where not even the fewest lots fit, the order is refused with the numbers.
        lots = max(lot.lots, min(lots, room // rule.pack.credits))
    return replace(
        lot,
        lots=lots,
        name=f"{lots} × {rule.pack.name}" if lots > 1 else rule.pack.name,
        credits=rule.pack.credits * lots,
        list_amount_minor=price * lots,
        amount_minor=price * lots,
    )


def money(amount_minor: int, currency: str) -> str:
    """Format money in the active language."""
    return format_money(amount_minor, currency=currency, language=get_language() or "en")
