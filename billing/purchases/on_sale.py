"""What is on sale to an organization, and what a choice would cost and bring, for pages. Reads only.

A page's answer can be out of date; `orders.place_order` decides under the wallet's lock.
"""

from dataclasses import dataclass
from datetime import datetime

from billing.models import CustomAmount, Pack, PackPrice, Purchase
from billing.purchases.orders import refuse_above_limits
from billing.purchases.payments import expiry_of
from billing.purchases.quotes import Choice, Quote, quote
from credits.balance.queries import Balance, balance_of
from credits.models import Program, Wallet
from organizations.models import Organization

# Prices are compared per so many whole credits: the first at which a price is at least one whole minor unit apart.
COMPARED_PER = (1_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class PackOffer:
    """A pack with its price. `per_credits` smallest units cost `per_minor`, rounded up to the minor unit."""

    key: str
    name: str
    credits: int
    least_lots: int
    most_lots: int
    is_most_popular: bool
    amount_minor: int
    currency: str
    per_credits: int
    per_minor: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a choice costs, and the organization's credits once it is paid, in smallest units."""

    quote: Quote
    balance: Balance
    held_after: int
    left_after: int
    expires_at: datetime | None


def packs_on_sale(wallet: Wallet, currency: str) -> list[PackOffer]:
    """Return the packs on sale in a currency, in the catalogue's order."""
    prices = list(
        PackPrice.objects.filter(pack__program=wallet.program_id, pack__is_sold=True, currency=currency)
        .select_related("pack")
        .order_by("pack__position", "pack__credits")
    )
    scale = 10**wallet.program.decimals
    # One measure for all packs, so that they can be compared: the large one where rounding would hide differences.
    is_small = all(price.amount_minor * 1_000 * scale >= 100 * price.pack.credits for price in prices)
    per_credits = (COMPARED_PER[0] if is_small else COMPARED_PER[1]) * scale
    return [
        PackOffer(
            key=price.pack.key,
            name=price.pack.name,
            credits=price.pack.credits,
            least_lots=price.pack.least_lots,
            most_lots=price.pack.most_lots,
            is_most_popular=price.pack.is_most_popular,
            amount_minor=price.amount_minor,
            currency=currency,
            per_credits=per_credits,
            per_minor=-(-price.amount_minor * per_credits // price.pack.credits),
        )
        for price in prices
    ]


def custom_amount_on_sale(wallet: Wallet, currency: str) -> CustomAmount | None:
    """Return the terms of amounts of one's own choice in a currency, if they are on sale."""
    return CustomAmount.objects.filter(program=wallet.program_id, currency=currency, is_sold=True).first()


def sells_credits(program: Program) -> bool:
    """Whether anything is on sale under a program, to whomever. One query."""
    packs = Pack.objects.filter(program=program, is_sold=True).values("pk")
    amounts = CustomAmount.objects.filter(program=program, is_sold=True).values("pk")
    return packs.union(amounts).exists()


def preview(organization: Organization, choice: Choice, *, promotion_code: str, now: datetime) -> Preview:
    """Return what a choice would do, by whatever method it is paid. Raises NotForSale, PromotionRefused, MayNotBuy,
    HoldingLimitReached."""
    wallet = Wallet.objects.select_related("program", "organization").get(organization=organization)
    quoted = quote(organization, choice, promotion_code=promotion_code, now=now)
    balance = balance_of(wallet, now)
    held = sum(grant.remaining for grant in balance.grants)
    refuse_above_limits(wallet, quoted, held=held, now=now)
    # Debt is paid first.
    free = max(0, quoted.credits - balance.debt)
    order = Purchase(organization=organization, validity_days=quoted.validity_days)
    return Preview(
        quote=quoted,
        balance=balance,
        held_after=held + free,
        left_after=balance.available + free,
        expires_at=expiry_of(order, now),
    )
