"""A shop for tests: an organization under one of the shipped programs, its owner, and a hand that orders."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from billing.models import BillingDetails, Method, PaymentMethod, Plan, Purchase, Subscription, SubscriptionState
from billing.purchases.orders import place_order
from billing.purchases.payments import grant_paid
from billing.purchases.quotes import Choice, PackChoice
from credits import audit
from credits.models import Grant, Program, Source, Wallet
from organizations.models import Organization, User
from tests.support import factories
from tests.support.billing.programs import LOADED_AT, shipped
from tests.support.credits.wallet_driver import WalletDriver
from tests.support.database import built_once

NOW = LOADED_AT
# Where each program's organization of the tests is, and what it pays in.
COUNTRIES = {
    "growi": ("JP", "JPY", "Asia/Tokyo"),
    "allibee": ("KR", "KRW", "Asia/Seoul"),
    "fluxori": ("ZA", "ZAR", "Africa/Johannesburg"),
    "skydeck": ("US", "USD", "America/New_York"),
    "enrich": ("DE", "EUR", "Europe/Berlin"),
}


@dataclass
class Shop:
    """An organization that may buy, at NOW unless a time is given."""

    organization: Organization
    owner: User
    wallet: Wallet
    program: Program
    driver: WalletDriver
    orders: int = 0

    def order(self, choice: Choice | None = None, **terms: Any) -> Purchase:
        """Order by a form of its own unless a token is given; a card order unless another method is."""
        self.orders += 1
        chosen = choice or PackChoice(self.program.packs.order_by("position")[0].key)
        asked: dict[str, Any] = {"method": Method.CARD, "form_token": f"form-{self.orders}", "now": NOW, **terms}
        return place_order(organization=self.organization, buyer=self.owner, choice=chosen, **asked)

    def buy(self, choice: Choice | None = None, **terms: Any) -> Purchase:
        """Order and have it paid at once, by a payment of its own."""
        order = self.order(choice, **terms)
        payment_id = f"pi_{order.reference}" if order.amount_minor else f"free:{order.pk}"
        return grant_paid(order, payment_id=payment_id, now=terms.get("now", NOW))

    def give(self, credits: int, *, source: Source = Source.GOODWILL) -> None:
        """Give credits away."""
        self.driver.grant(credits, source=source)

    def subscribe(self, plan: str, *, state: str = SubscriptionState.ACTIVE, currency: str | None = None) -> None:
        """Put the organization on a plan."""
        Subscription.objects.create(
            organization=self.organization,
            plan=Plan.objects.get(program=self.program, key=plan),
            state=state,
            currency=currency or self.organization.currency,
            anchor_at=NOW,
            period_start=NOW,
            period_end=datetime(2026, 4, 10, 12, tzinfo=UTC),
            created_at=NOW,
        )
        # What the rules read was read before.
        self.organization = Organization.objects.get(pk=self.organization.pk)

    def put_method_on_file(self) -> None:
        """Put a card on file."""
        PaymentMethod.objects.create(
            organization=self.organization, stripe_id="pm_1", kind="card", is_default=True, attached_at=NOW
        )

    def fill_in_details(self) -> BillingDetails:
        """Say who tax invoices are for."""
        return BillingDetails.objects.create(
            organization=self.organization,
            legal_name="Acme Co., Ltd.",
            address="1 Main Road",
            tax_number="123-45-67890",
        )

    def balance(self) -> int:
        """What the wallet's row says."""
        return Wallet.objects.get(pk=self.wallet.pk).balance

    def grants(self) -> list[Grant]:
        """Every grant, in the order in which they came."""
        return list(Grant.objects.filter(wallet=self.wallet).order_by("id"))


def open_shop(program: str = "fluxori", *, slug: str = "acme", owner: User | None = None, **fields: Any) -> Shop:
    """Open a shop under a shipped program."""
    return _alices_shop(program, slug=slug, **fields) if owner is None else _open(program, owner, slug=slug, **fields)


@built_once
def _alices_shop(program: str, **fields: Any) -> Shop:
    return _open(program, factories.person("Alice"), **fields)


def _open(program: str, owner: User, **fields: Any) -> Shop:
    row = shipped(program)
    country, currency, zone = COUNTRIES[program]
    terms = {"country": country, "currency": currency, "time_zone": zone, **fields}
    organization = factories.organization(owner, **terms)
    wallet = factories.wallet(organization, row)
    return Shop(organization, owner, wallet, row, WalletDriver(wallet, NOW))


def prove_books() -> None:
    """Fail where the ledger, or the ledger and the purchases, contradict each other."""
    from billing.audit.invariants import ALLOWANCES, PURCHASES

    scope = audit.Scope(now=timezone.now())
    ledger = [item for item in audit.prove_ledger(scope) if not item.invariant.is_liveness]
    broken = [*ledger, *audit.prove([*PURCHASES, *ALLOWANCES], scope)]
    assert not broken, [f"{item.invariant.sentence} {item.worst}" for item in broken]
