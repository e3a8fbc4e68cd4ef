"""Checks of the tables that say what a program sells: currencies, packs, custom amounts, plans, promotions.

Problems are collected, nothing is converted: `catalog` reads the tables once they are valid. `tables` holds the valid
tables of a file, as `files.read_tables` returns them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from billing.programs.amounts import Amounts
from billing.programs.tables import (
    AutoRechargeTable,
    BuyingTable,
    CurrencyTable,
    CustomAmountTable,
    LimitsTable,
    PackTable,
    PlanTable,
    PromotionTable,
    ReferralTable,
)
from credits.models import MAX_BALANCE, MAX_CREDITS
from organizations.formats import currency_decimals


def check_sales(tables: Mapping[str, Any], amounts: Amounts) -> None:
    """Note every problem of the tables on selling and granting credits."""
    currencies = [table.code for table in tables.get("currencies", [])]
    _check_currencies(tables.get("currencies", []), amounts)
    _check_packs(tables.get("packs", []), currencies, amounts)
    _check_custom_amounts(tables.get("custom_amounts", []), currencies, amounts)
    _check_plans(tables.get("plans", []), currencies, amounts)
    _check_gifts(tables.get("referral"), tables.get("promotions", []), amounts)
    _check_settings(tables.get("buying"), tables.get("limits"), tables, amounts)
    if (recharge := tables.get("auto_recharge")) is not None:
        _check_auto_recharge(recharge, currencies, amounts)


def check_fit(tables: Mapping[str, Any], amounts: Amounts) -> None:
    """Note where tables contradict each other. Only for files whose tables are all valid."""
    problems = amounts.problems
    packs, plans, recharge = tables["packs"], tables["plans"], tables["auto_recharge"]
    if (packs or tables["custom_amounts"]) and tables["buying"] is None:
        problems.add("[buying]", "", "missing, but the program sells credits.")
    if recharge is not None and recharge.pack not in {pack.key for pack in packs}:
        problems.add("[auto_recharge]", "pack", f"there is no pack “{recharge.pack}”.")
    if tables["buying"] is not None and tables["buying"].organizations == "on_paid_plan" and not _has_paid(plans):
        problems.add("[buying]", "organizations", "only for paid plans, but no plan has a price.")
    brings_credits = any(plan.allowance is not None for plan in plans)
    if brings_credits and tables["allowance"] is None:
        problems.add("[allowance]", "", "missing, but a plan has an allowance.")
    if tables["allowance"] is not None and not brings_credits:
        problems.add("[allowance]", "", "no plan has an allowance.")


def _has_paid(plans: Iterable[PlanTable]) -> bool:
    return any(price.strip("0.") for plan in plans for price in plan.prices.values())


def refuse_doubles(values: Iterable[str], *, table: str, key: str, amounts: Amounts) -> None:
    """Note every duplicate value."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            amounts.problems.add(table, key, f"“{value}” comes twice.")
        seen.add(value)


def _check_currencies(currencies: Sequence[CurrencyTable], amounts: Amounts) -> None:
    refuse_doubles((table.code for table in currencies), table="[[currencies]]", key="code", amounts=amounts)
    countries = [country for table in currencies for country in table.countries]
    refuse_doubles(countries, table="[[currencies]]", key="countries", amounts=amounts)
    for table in currencies:
        try:
            currency_decimals(table.code)
        except ValueError:
            amounts.problems.add(
                f"[[currencies]] {table.code}", "code", f"{table.code} is not a currency that amounts are kept in."
            )
    if sum(not table.countries for table in currencies) != 1:
        amounts.problems.add("[[currencies]]", "countries", "exactly one currency must be without: it is for the rest.")


def _check_prices(
    prices: Mapping[str, str], currencies: Sequence[str], amounts: Amounts, *, table: str, key: str, least: int
) -> None:
    for currency in currencies:
        if currency not in prices:
            amounts.problems.add(table, key, f"no amount in {currency}.")
    for currency, price in prices.items():
        if currency in currencies:
            amounts.money(price, currency=currency, table=table, key=f"{key}.{currency}", least=least)
        else:
            amounts.problems.add(table, key, f"{currency} is not among the program's currencies.")


def _check_packs(packs: Sequence[PackTable], currencies: Sequence[str], amounts: Amounts) -> None:
    refuse_doubles((pack.key for pack in packs), table="[[packs]]", key="key", amounts=amounts)
    if sum(pack.most_popular for pack in packs) > 1:
        amounts.problems.add("[[packs]]", "most_popular", "only one pack can be it.")
    for pack in packs:
        table = f"[[packs]] {pack.key}"
        most = 1 if pack.lots is None else pack.lots.most
        amounts.credits(pack.credits, table=table, key="credits", least=1, most=MAX_CREDITS // most)
        _check_prices(pack.prices, currencies, amounts, table=table, key="prices", least=1)
        if pack.lots is not None and pack.lots.least > pack.lots.most:
            amounts.problems.add(table, "lots", "the least is more than the most.")


def _check_custom_amounts(customs: Sequence[CustomAmountTable], currencies: Sequence[str], amounts: Amounts) -> None:
    refuse_doubles((item.currency for item in customs), table="[[custom_amounts]]", key="currency", amounts=amounts)
    for currency in {item.currency for item in customs} - set(currencies):
        amounts.problems.add("[[custom_amounts]]", "currency", f"{currency} is not among the program's currencies.")
    for item in customs:
        table = f"[[custom_amounts]] {item.currency}"
        least, most, step = (
            amounts.money(getattr(item, key), currency=item.currency, table=table, key=key)
            for key in ("least", "most", "step")
        )
        if least > most:
            amounts.problems.add(table, "least", f"{item.least} is more than the most, {item.most}.")
        if step and (least % step or most % step):
            amounts.problems.add(table, "step", "the least and the most must be multiples of it.")
        steps = max(1, most // step if step else 1)
        amounts.credits(
            item.credits_per_step, table=table, key="credits_per_step", least=1, most=max(1, MAX_CREDITS // steps)
        )


def _check_plans(plans: Sequence[PlanTable], currencies: Sequence[str], amounts: Amounts) -> None:
    refuse_doubles((plan.key for plan in plans), table="[[plans]]", key="key", amounts=amounts)
    for plan in plans:
        table = f"[[plans]] {plan.key}"
        _check_prices(plan.prices, currencies, amounts, table=table, key="prices", least=0)
        if plan.allowance is not None:
            amounts.credits(plan.allowance, table=table, key="allowance", least=1)


def _check_auto_recharge(recharge: AutoRechargeTable, currencies: Sequence[str], amounts: Amounts) -> None:
    table = "[auto_recharge]"
    amounts.credits(recharge.threshold, table=table, key="threshold", least=1, most=MAX_BALANCE)
    _check_prices(recharge.monthly_limit, currencies, amounts, table=table, key="monthly_limit", least=1)


def _check_gifts(referral: ReferralTable | None, promotions: Sequence[PromotionTable], amounts: Amounts) -> None:
    if referral is not None:
        amounts.credits(referral.referrer_credits, table="[referral]", key="referrer_credits", least=1)
        amounts.credits(referral.referred_credits, table="[referral]", key="referred_credits", least=1)
    refuse_doubles((item.code for item in promotions), table="[[promotions]]", key="code", amounts=amounts)
    for promotion in promotions:
        _check_promotion(promotion, amounts)


def _check_promotion(promotion: PromotionTable, amounts: Amounts) -> None:
    table = f"[[promotions]] {promotion.code}"
    if (promotion.credits is None) == (promotion.percent_off is None):
        amounts.problems.add(table, "", "must have either credits or percent_off.")
    if promotion.credits is not None:
        amounts.credits(promotion.credits, table=table, key="credits", least=1)
    elif promotion.validity_days is not None:
        amounts.problems.add(table, "validity_days", "would be ignored: only credits expire.")
    if promotion.starts_at and promotion.ends_at and promotion.ends_at <= promotion.starts_at:
        amounts.problems.add(table, "ends_at", "must be later than starts_at.")


def _check_settings(
    buying: BuyingTable | None, limits: LimitsTable | None, tables: Mapping[str, Any], amounts: Amounts
) -> None:
    if buying is not None:
        refuse_doubles(buying.methods, table="[buying]", key="methods", amounts=amounts)
        if not buying.methods:
            amounts.problems.add("[buying]", "methods", "there must be one at least.")
        if buying.tax_invoice and "bank_transfer" not in buying.methods:
            amounts.problems.add("[buying]", "tax_invoice", "only bank transfers get one, and they are no method here.")
    if limits is not None:
        refuse_doubles(limits.scopes, table="[limits]", key="scopes", amounts=amounts)
        percents = limits.thresholds_percent
        if percents != sorted(set(percents)):
            amounts.problems.add("[limits]", "thresholds_percent", "must rise.")
    for name, key in (("reports", "by"), ("history", "shows")):
        if tables.get(name) is not None:
            refuse_doubles(getattr(tables[name], key), table=f"[{name}]", key=key, amounts=amounts)
