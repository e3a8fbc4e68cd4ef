"""What `GET /api/billing/credits` answers, as strict types. Amounts are integers in the program's smallest unit."""

from datetime import datetime
from typing import Literal

import msgspec


class ExpiringCredits(msgspec.Struct, frozen=True):
    credits: int
    expires_at: datetime


class ServiceSwitch(msgspec.Struct, frozen=True):
    key: str
    name: str
    ai_on: bool


class Transaction(msgspec.Struct, frozen=True):
    """One operation on the wallet. `amount` is signed; `balance_after` includes what is reserved, less debt."""

    id: str
    type: str
    source: str
    amount: int
    balance_after: int
    occurred_at: datetime
    written_at: datetime
    user: str | None
    via: str
    feature: str
    project: str | int | None
    session: str | int | None
    memo: str


class PlanAnswer(msgspec.Struct, frozen=True):
    """The plan that an organization is on. `allowance`: credits a month, in smallest units; `next_plan`: the key of the
    plan that follows when the period ends, or null; `ends`: whether the plan is over then."""

    key: str
    name: str
    state: Literal["active", "past_due"]
    allowance: int
    period_start: datetime
    period_end: datetime
    ends: bool
    next_plan: str | None


class CreditsAnswer(msgspec.Struct, frozen=True):
    """An organization's credits, with its latest transactions, newest first.

    `next_cursor` goes into `cursor` for the page after this one; null at the end. `plan` is null without a plan.
    """

    organization: str
    unit: str
    decimals: int
    balance: int
    reserved: int
    debt: int
    expiring: list[ExpiringCredits]
    expiring_total: int
    plan: PlanAnswer | None
    ai_on: bool
    services: list[ServiceSwitch]
    transactions: list[Transaction]
    next_cursor: str | None
