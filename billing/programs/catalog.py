"""What a program's file sells, as rows of the catalogue: credits in smallest units, money in minor units.

Only for files that `checks` found valid. No database is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.programs.amounts import Amounts
from billing.programs.tables import BuyingTable, CurrencyTable, CustomAmountTable, PackTable, PlanTable, PromotionTable


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """A row of the catalogue. `key` identifies it among its kind; `prices`: minor units by currency, if it has any."""

    key: str
    columns: Mapping[str, Any]
    prices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that a program's file sells. terms: the columns of its SaleTerms, or None if it sells nothing.

    recharge_pack: the key of the pack that is proposed for auto-recharge, or None.
    """

    terms: Mapping[str, Any] | None
    recharge_pack: str | None
    currencies: tuple[CatalogRow, ...]
    packs: tuple[CatalogRow, ...]
    custom_amounts: tuple[CatalogRow, ...]
    plans: tuple[CatalogRow, ...]
    promotions: tuple[CatalogRow, ...]


def read_catalog(tables: Mapping[str, Any], amounts: Amounts) -> Catalog:
    """Return what the tables sell."""
    recharge = tables["auto_recharge"]
    sells = tables["buying"] is not None or bool(tables["plans"])
    return Catalog(
        terms=_terms(tables, amounts) if sells else None,
        recharge_pack=recharge.pack if recharge is not None else None,
        currencies=tuple(_currency(table, tables, amounts) for table in tables["currencies"]),
        packs=tuple(_pack(table, position, amounts) for position, table in enumerate(tables["packs"], start=1)),
        custom_amounts=tuple(_custom_amount(table, amounts) for table in tables["custom_amounts"]),
        plans=tuple(_plan(table, position, amounts) for position, table in enumerate(tables["plans"], start=1)),
        promotions=tuple(_promotion(table, amounts) for table in tables["promotions"]),
    )


def _terms(tables: Mapping[str, Any], amounts: Amounts) -> dict[str, Any]:
    allowance, referral, recharge = tables["allowance"], tables["referral"], tables["auto_recharge"]
    return {
        **_buying(tables["buying"]),
        "purchase_refunds": tables["refunds"].purchases,
        "allowance_priority": 50 if allowance is None else allowance.priority,
        "invoiced_allowance_is_bank_transfer": allowance is not None
        and allowance.source_if_invoiced == "bank_transfer",
        "referrer_credits": 0 if referral is None else _credits(referral.referrer_credits, amounts),
        "referred_credits": 0 if referral is None else _credits(referral.referred_credits, amounts),
        "referral_days": None if referral is None else referral.validity_days,
        "recharge_threshold": None if recharge is None else _credits(recharge.threshold, amounts),
    }


def _buying(buying: BuyingTable | None) -> dict[str, Any]:
    methods = [] if buying is None else buying.methods
    return {
        "buyers": "any" if buying is None else buying.organizations,
        "needs_payment_method": buying is not None and buying.payment_method_on_file,
        "takes_bank_transfer": "bank_transfer" in methods,
        "gives_tax_invoice": buying is not None and buying.tax_invoice,
        "offers_link": "link" in methods,
        "reference_prefix": (buying.reference_prefix if buying is not None else None) or "DD",
        "confirmation": (buying.confirmation if buying is not None else None) or "",
        "seller": ((buying.seller if buying is not None else None) or "").strip(),
        "bank_account": ((buying.bank_account if buying is not None else None) or "").strip(),
    }


def _currency(table: CurrencyTable, tables: Mapping[str, Any], amounts: Amounts) -> CatalogRow:
    recharge = tables["auto_recharge"]
    limit = None if recharge is None else _money(recharge.monthly_limit[table.code], table.code, amounts)
    return CatalogRow(table.code, {"countries": sorted(table.countries), "recharge_monthly_limit_minor": limit})


def _pack(table: PackTable, position: int, amounts: Amounts) -> CatalogRow:
    columns = {
        "name": table.name,
        "credits": _credits(table.credits, amounts),
        "least_lots": 1 if table.lots is None else table.lots.least,
        "most_lots": 1 if table.lots is None else table.lots.most,
        "is_most_popular": table.most_popular,
        "position": position,
        "is_sold": True,
    }
    return CatalogRow(table.key, columns, _prices(table.prices, amounts))


def _custom_amount(table: CustomAmountTable, amounts: Amounts) -> CatalogRow:
    columns = {
        "least_minor": _money(table.least, table.currency, amounts),
        "most_minor": _money(table.most, table.currency, amounts),
        "step_minor": _money(table.step, table.currency, amounts),
        "credits_per_step": _credits(table.credits_per_step, amounts),
        "is_sold": True,
    }
    return CatalogRow(table.currency, columns)


def _plan(table: PlanTable, position: int, amounts: Amounts) -> CatalogRow:
    columns = {
        "name": table.name,
        "allowance": 0 if table.allowance is None else _credits(table.allowance, amounts),
        "position": position,
        "is_sold": True,
    }
    return CatalogRow(table.key, columns, _prices(table.prices, amounts))


def _promotion(table: PromotionTable, amounts: Amounts) -> CatalogRow:
    bounds = {"starts_at": table.starts_at, "ends_at": table.ends_at, "most_uses": table.most_uses}
    columns = {
        "name": table.name,
        "credits": None if table.credits is None else _credits(table.credits, amounts),
        "percent_off": table.percent_off,
        "validity_days": table.validity_days,
        # Limits that the file leaves out can be set by staff.
        **{name: bound for name, bound in bounds.items() if bound is not None},
    }
    return CatalogRow(table.code, columns)


def _prices(prices: Mapping[str, str], amounts: Amounts) -> dict[str, int]:
    return {currency: _money(price, currency, amounts) for currency, price in prices.items()}


def _credits(value: int | str, amounts: Amounts) -> int:
    # They were checked before, so no problem is noted here.
    return amounts.credits(value, table="", key="", most=10**30)


def _money(value: str, currency: str, amounts: Amounts) -> int:
    return amounts.money(value, currency=currency, table="", key="", least=0)
