"""The shape of a program's file: its tables, their keys and types. What they mean belongs in `terms` and `catalog`.

Credits are in whole units of the program, as numbers or as decimals in quotes ("0.15"); money is in quotes ("10.00").
Each description completes the error message "must be …" for a key with a wrong value.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Key = Annotated[
    str,
    Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,39}\Z", description="a key: at most 40 of a-z, 0-9, hyphen and underscore"),
]
Model = Annotated[
    str, Meta(pattern=r"\A[!-~]{1,100}\Z", description="a model's key: at most 100 characters, no spaces")
]
Text = Annotated[str, Meta(pattern=r"\A[^\x00-\x1f\x7f]{1,100}\Z", description="a text of 1 to 100 characters")]
Lines = Annotated[
    str, Meta(pattern=r"\A[^\x00-\x09\x0b-\x1f\x7f]{1,500}\Z", description="lines of text, 1 to 500 characters")
]
Prefix = Annotated[str, Meta(pattern=r"\A[A-Z]{2,5}\Z", description="2 to 5 capital letters")]
Code = Annotated[str, Meta(pattern=r"\A[A-Z0-9-]{2,30}\Z", description="2 to 30 of A-Z, 0-9 and hyphen")]
Country = Annotated[str, Meta(pattern=r"\A[A-Z]{2}\Z", description="a country's two capital letters")]
Currency = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z", description="a currency's three capital letters")]
Amount = Annotated[
    Annotated[int, Meta(ge=0, le=10**18)] | str,
    Meta(description='an amount of credits: a whole number, or a decimal in quotes ("0.15")'),
]
Money = Annotated[str, Meta(description='money in quotes ("10.00")')]
Prices = Annotated[dict[str, str], Meta(description='one price per currency ({ EUR = "10.00" })')]
Days = Annotated[int, Meta(ge=1, le=36_500, description="days, 1 to 36500")]
Count = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")]
Instant = Annotated[datetime, Meta(tz=True, description="an instant with its offset (2026-12-01T00:00:00Z)")]


class Table(Struct):
    """A table of a program's file."""


class ProgramTable(Table):
    key: Key
    name: Text
    unit: Literal["credits", "tokens"]
    decimals: Annotated[int, Meta(ge=0, le=6, description="a whole number from 0 to 6")]


class CurrencyTable(Table):
    code: Currency
    # Where it is used; the one currency without countries is for everywhere else.
    countries: Annotated[list[Country], Meta(description="a list of countries' codes")] = []


class BuyingTable(Table):
    organizations: Literal["any", "on_paid_plan"]
    people: Literal["owners"]
    payment_method_on_file: bool
    methods: list[Literal["saved_card", "new_card", "link", "bank_transfer"]]
    tax_invoice: bool = False
    validity_days: Days | None = None
    reference_prefix: Prefix | None = None
    confirmation: Text | None = None
    # Printed on orders by bank transfer: the seller with address and registration number, and the bank account.
    seller: Lines | None = None
    bank_account: Lines | None = None


class HoldingLimitTable(Table):
    credits: Amount
    law: Text


class LotsTable(Table):
    least: Count
    most: Count


class PackTable(Table):
    key: Key
    name: Text
    credits: Amount
    prices: Prices
    most_popular: bool = False
    lots: LotsTable | None = None


class CustomAmountTable(Table):
    currency: Currency
    least: Money
    most: Money
    step: Money
    credits_per_step: Amount


class AllowanceTable(Table):
    source: Literal["plan"]
    expires: Literal["end_of_cycle"]
    priority: Annotated[int, Meta(ge=0, le=100, description="a whole number from 0 to 100")]
    source_if_invoiced: Literal["plan", "bank_transfer"] = "plan"


class PlanTable(Table):
    key: Key
    name: Text
    interval: Literal["month"]
    prices: Prices
    allowance: Amount | None = None


class SpendingTable(Table):
    at_zero: Literal["refuse", "switch_off"]
    overdraft_limit: Amount
    reservation_seconds: Annotated[int, Meta(ge=1, le=86_400, description="seconds, 1 to 86400")]


class AutoRechargeTable(Table):
    pack: Key
    threshold: Amount
    monthly_limit: Prices


class RefundsTable(Table):
    purchases: Literal["never", "through_support"]
    plan_credits: Literal["never"]
    returns_failed_operations: bool = False


class LimitsTable(Table):
    scopes: list[Literal["organization", "team", "user"]]
    thresholds_percent: list[Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")]]


class NoticesTable(Table):
    low_balance: Amount


class DashboardTable(Table):
    used_this_month: bool
    expiring_within_days: Days


class ReportsTable(Table):
    through: Literal["yesterday"]
    by: list[Literal["service", "team", "user", "feature"]]
    user_detail: Literal["feature"] | None = None
    export: bool = False


class HistoryTable(Table):
    shows: list[Literal["amount", "type", "time", "project", "session"]]


class ReferralTable(Table):
    referrer_credits: Amount
    referred_credits: Amount
    validity_days: Days | None = None


class PromotionTable(Table):
    code: Code
    name: Text
    # Exactly one of these two.
    credits: Amount | None = None
    percent_off: Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")] | None = None
    validity_days: Days | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    most_uses: Count | None = None


class RateTable(Table):
    pricing: Literal["fixed", "range", "per_token", "per_unit"]
    model: Model | None = None
    credits: Amount | None = None
    min_credits: Amount | None = None
    max_credits: Amount | None = None
    input_credits: Amount | None = None
    output_credits: Amount | None = None
    per: Annotated[int, Meta(ge=1, le=2_147_483_647, description="a whole number from 1 to 2147483647")] | None = None
    effective_at: Instant | None = None


class FeatureTable(Table):
    key: Key
    name: Text
    rates: list[RateTable]


class ProgramFile(Table):
    """All tables that a program's file may have. A program that sells nothing, or has no plan, leaves them out."""

    program: ProgramTable
    currencies: list[CurrencyTable]
    spending: SpendingTable
    refunds: RefundsTable
    features: list[FeatureTable]
    buying: BuyingTable | None = None
    holding_limit: HoldingLimitTable | None = None
    packs: list[PackTable] = []
    custom_amounts: list[CustomAmountTable] = []
    allowance: AllowanceTable | None = None
    plans: list[PlanTable] = []
    auto_recharge: AutoRechargeTable | None = None
    limits: LimitsTable | None = None
    notices: NoticesTable | None = None
    dashboard: DashboardTable | None = None
    reports: ReportsTable | None = None
    history: HistoryTable | None = None
    referral: ReferralTable | None = None
    promotions: list[PromotionTable] = []
