"""A customer with plans to choose from, at a payments sandbox whose clock tests move."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from billing.models import Plan, PlanCheckout, PlanPrice, SaleTerms, Subscription
from billing.plans import changes, checkouts, invoiced, subscriptions
from credits.models import Grant, Program, Wallet
from organizations.models import Organization, User
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.database import built_once

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
# name: (price a month in cents, credits a month)
PLANS = {"free": (0, 100), "basic": (1_000, 1_000), "pro": (3_000, 4_000)}


def token() -> str:
    return uuid4().hex


@dataclass
class PlanStage:
    """Alice's organization under a program with the plans free, basic and pro."""

    organization: Organization
    owner: User
    wallet: Wallet
    program: Program

    def plan(self, key: str) -> Plan:
        return Plan.objects.get(program=self.program, key=key)

    def row(self) -> Subscription:
        row = changes.subscription_of(self.organization)
        assert row is not None
        return row

    def choose(self, key: str, **asked: Any) -> str | None:
        terms = {"form_token": token(), **asked}
        return changes.choose(organization=self.organization, plan=self.plan(key), actor=self.owner, **terms)

    def put_on(self, key: str, *, at: datetime, reason: str = "Contract") -> Subscription:
        return invoiced.put_on_plan(
            organization=self.organization, plan=self.plan(key), actor=None, reason=reason, now=at
        )

    def subscribe(self, payments: Payments, key: str, *, card: str = "4242424242424242") -> Subscription:
        """Choose a plan, pay on Stripe's page and come back."""
        page = self.choose(key)
        assert page is not None
        assert payments.pay(page, card).status_code == 303
        checkouts.settle_checkout(PlanCheckout.objects.get(url=page), now=self.now(payments))
        return self.row()

    def settle(self, payments: Payments) -> Subscription:
        """Ask Stripe how the plan stands, at the sandbox's time."""
        subscriptions.settle(str(self.row().stripe_id), now=self.now(payments))
        return self.row()

    def now(self, payments: Payments) -> datetime:
        return datetime.fromtimestamp(payments.state()["now"], UTC)

    def grants(self) -> list[tuple[str, int, datetime | None]]:
        """Every grant in order: source, amount, expiry."""
        rows = Grant.objects.filter(wallet=self.wallet).order_by("created_at", "pk")
        return list(rows.values_list("source", "amount", "expires_at"))

    def amounts(self) -> list[int]:
        return [amount for _source, amount, _expiry in self.grants()]


@built_once
def set_up(*, time_zone: str = "UTC", invoiced_as_transfer: bool = False, **terms: Any) -> PlanStage:
    """Alice's organization, buying in dollars."""
    owner = factories.person("Alice")
    organization = factories.organization(owner, currency="USD", country="US", time_zone=time_zone)
    program = factories.program("planned")
    SaleTerms.objects.create(
        program=program,
        allowance_priority=10,
        invoiced_allowance_is_bank_transfer=invoiced_as_transfer,
        **terms,
    )
    for position, (key, (price, allowance)) in enumerate(PLANS.items()):
        plan = Plan.objects.create(program=program, key=key, name=key.title(), allowance=allowance, position=position)
        PlanPrice.objects.create(plan=plan, currency="USD", amount_minor=price)
    return PlanStage(organization, owner, factories.wallet(organization, program), program)


DAY = timedelta(days=1)
