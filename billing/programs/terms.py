"""The terms in a program's file: the program, its features and their rates in smallest units, ready for the database.

Everything is exact: an amount with more decimals than the program has is refused, never rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from billing.programs.amounts import Amounts
from billing.programs.catalog import Catalog, read_catalog
from billing.programs.checks import check_fit, check_sales, refuse_doubles
from billing.programs.files import BrokenProgram, Problems, name_of, read_tables
from billing.programs.tables import FeatureTable, RateTable
from credits.models import MAX_BALANCE
from usage.pricing import FIELDS_BY_PRICING

AMOUNTS = ("credits", "min_credits", "max_credits", "input_credits", "output_credits")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTerms:
    """A rate as its row will hold it. `effective_at` None: the file gives no date, and the loader decides."""

    pricing: str
    model: str
    credits: int | None
    min_credits: int | None
    max_credits: int | None
    input_credits: int | None
    output_credits: int | None
    per: int
    effective_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeatureTerms:
    """A feature with its rates."""

    key: str
    name: str
    position: int
    rates: tuple[RateTerms, ...]


@dataclass(frozen=True, slots=True)
class ProgramTerms:
    """A program as its rows will hold it. `columns`: those of `credits.models.Program` except the key."""

    file: str
    key: str
    columns: Mapping[str, Any]
    features: tuple[FeatureTerms, ...]
    catalog: Catalog


def read_program(path: Path) -> ProgramTerms:
    """Read a program's file. Raises BrokenProgram with all of its problems."""
    problems = Problems(path.name)
    tables = read_tables(path, problems)
    is_whole = not problems.sentences
    if "program" not in tables:
        # Without the program's decimals no amount can be read.
        raise BrokenProgram(problems.sentences)
    program = tables["program"]
    amounts = Amounts(decimals=program.decimals, problems=problems)
    check_sales(tables, amounts)
    columns = {"name": program.name, "unit": program.unit, "decimals": program.decimals, **_columns(tables, amounts)}
    features = _features(tables.get("features", []), amounts)
    if is_whole:
        check_fit(tables, amounts)
        if not features:
            problems.add("[[features]]", "", "there must be one at least.")
    problems.refuse()
    catalog = read_catalog(tables, amounts)
    return ProgramTerms(file=path.name, key=program.key, columns=columns, features=features, catalog=catalog)


def _columns(tables: Mapping[str, Any], amounts: Amounts) -> dict[str, Any]:
    columns: dict[str, Any] = {"validity_days": None, "holding_limit": None, "low_balance": None}
    if (buying := tables.get("buying")) is not None:
        columns["validity_days"] = buying.validity_days
    if (holding := tables.get("holding_limit")) is not None:
        columns["holding_limit"] = amounts.credits(
            holding.credits, table="[holding_limit]", key="credits", least=1, most=MAX_BALANCE
        )
    if (spending := tables.get("spending")) is not None:
        columns["at_zero"] = spending.at_zero
        columns["reservation_seconds"] = spending.reservation_seconds
        columns["overdraft_limit"] = amounts.credits(
            spending.overdraft_limit, table="[spending]", key="overdraft_limit"
        )
    if (notices := tables.get("notices")) is not None:
        columns["low_balance"] = amounts.credits(
            notices.low_balance, table="[notices]", key="low_balance", least=1, most=MAX_BALANCE
        )
    if (limits := tables.get("limits")) is not None:
        columns["limit_thresholds"] = limits.thresholds_percent
    return columns


def _features(features: Sequence[FeatureTable], amounts: Amounts) -> tuple[FeatureTerms, ...]:
    refuse_doubles((feature.key for feature in features), table="[[features]]", key="key", amounts=amounts)
    return tuple(
        FeatureTerms(feature.key, feature.name, position, _rates(feature, amounts))
        for position, feature in enumerate(features, start=1)
    )


def _rates(feature: FeatureTable, amounts: Amounts) -> tuple[RateTerms, ...]:
    table = f"[[features]] {feature.key}"
    if not feature.rates:
        amounts.problems.add(table, "rates", "there must be one at least.")
    rates = tuple(
        _rate(rate, f"{table}, [[rates]] {name_of(rate, number)}", amounts)
        for number, rate in enumerate(feature.rates, start=1)
    )
    if len({rate.pricing == "per_token" for rate in rates}) > 1:
        amounts.problems.add(table, "rates", "a feature is priced per token or otherwise, not both.")
    begins = (f"{rate.model} {rate.effective_at or 'without effective_at'}".strip() for rate in rates)
    refuse_doubles(begins, table=table, key="rates", amounts=amounts)
    return rates


def _rate(rate: RateTable, table: str, amounts: Amounts) -> RateTerms:
    needs = FIELDS_BY_PRICING[rate.pricing]
    given = {key for key in (*AMOUNTS, "model", "per") if getattr(rate, key) is not None}
    for key in sorted(needs - given):
        amounts.problems.add(table, key, f"missing: a rate that is {rate.pricing} needs it.")
    for key in sorted(given - needs):
        amounts.problems.add(table, key, f"would be ignored: a rate that is {rate.pricing} doesn't use it.")
    values = {key: amounts.credits(getattr(rate, key), table=table, key=key) for key in AMOUNTS if key in given}
    if values.get("min_credits", 0) > values.get("max_credits", values.get("min_credits", 0)):
        amounts.problems.add(table, "min_credits", "more than max_credits.")
    return RateTerms(
        pricing=rate.pricing,
        model=rate.model or "",
        **{key: values.get(key) for key in AMOUNTS},
        per=rate.per or 1,
        effective_at=rate.effective_at,
    )
