"""A paid purchase at the payments sandbox, for tests of refunds and disputes, and what they assert at the end."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from billing import stripe_gateway as gateway
from billing.audit.invariants import PURCHASES
from billing.models import (
    Method,
    Purchase,
    PurchaseState,
    Refund,
    RefundMode,
    RefundPolicy,
    SaleTerms,
    StripeCustomer,
)
from billing.purchases import settlement
from billing.refunds import refunding
from credits import audit, ledger
from credits.models import Grant, Source, Wallet
from organizations.models import Organization, User
from tests.support import factories
from tests.support.billing.gateway_acts import charge, customer, save_card
from tests.support.billing.payments import Payments
from tests.support.credits.reference.invariants import check_wallet

_numbers = count(1)


def seller(*, policy: str = RefundPolicy.THROUGH_SUPPORT, **fields: Any) -> Organization:
    """Acme, whose program refunds purchases unless said otherwise."""
    organization = factories.organization(**fields)
    program = factories.program(f"sold-{next(_numbers)}")
    SaleTerms.objects.create(program=program, purchase_refunds=policy, takes_bank_transfer=True)
    factories.wallet(organization, program)
    return organization


def order(organization: Organization, *, credits: int = 100, amount_minor: int = 2_000, **fields: Any) -> Purchase:
    """An order that waits for its payment."""
    number = next(_numbers)
    now = datetime.now(UTC)
    terms: dict[str, Any] = {
        "reference": f"DD-{number:04}-TEST",
        "name": "Pack",
        "credits": credits,
        "amount_minor": amount_minor,
        "list_amount_minor": amount_minor,
        "currency": "JPY",
        "method": Method.CARD,
        "state": PurchaseState.OPEN,
        "form_token": f"form-{number}",
        "created_at": now,
        "expires_at": now + timedelta(hours=1),
    }
    return Purchase.objects.create(organization=organization, **{**terms, **fields})


@dataclass
class Bought:
    """A purchase that was paid, and what happens to it."""

    payments: Payments
    purchase: Purchase
    staff: User

    @property
    def payment_id(self) -> str:
        return self.purchase.stripe_payment_intent_id or ""

    @property
    def charge_id(self) -> str:
        return gateway.read_payment(self.payment_id).charge_id or ""

    @property
    def wallet(self) -> Wallet:
        return Wallet.objects.get(organization=self.purchase.organization)

    @property
    def grant(self) -> Grant:
        return Grant.objects.get(purchase=self.purchase)

    def stand(self) -> tuple[int, int, int]:
        """What is left of the grant, the wallet's balance, its debt."""
        wallet = self.wallet
        return self.grant.remaining, wallet.balance, wallet.debt

    def spend(self, credits: int) -> ledger.Recorded:
        key = f"spend-{next(_numbers)}"
        wallet_id = self.wallet.pk
        with ledger.open_book(keys=[(wallet_id, key)]) as book:
            return ledger.spend(
                book,
                wallet_id=wallet_id,
                credits=credits,
                feature="report",
                key=key,
                content_hash=ledger.hash_content(credits=credits),
                cause=ledger.Cause(),
            )

    def refund(self, amount_minor: int, *, mode: RefundMode = RefundMode.UNSPENT, **more: Any) -> Refund:
        """Staff refund a part through the verb, with a token of its own unless one is given."""
        choice = refunding.RefundChoice(amount_minor=amount_minor, mode=mode, reason="Asked by mail.")
        return refunding.refund(
            self.purchase, choice, refund_id=more.pop("refund_id", None) or uuid4(), actor=self.staff, **more
        )

    def refund_in_dashboard(self, amount_minor: int) -> str:
        """Somebody refunds at Stripe, past us; the refund's id there."""
        made = self.payments.stripe().v1.refunds.create({"payment_intent": self.payment_id, "amount": amount_minor})
        return str(made.id)


def buy(payments: Payments, organization: Organization, *, card: str = "4242424242424242", **fields: Any) -> Bought:
    """A purchase paid with a card at the sandbox, with its credits granted."""
    StripeCustomer.objects.get_or_create(organization=organization, defaults={"stripe_id": customer()})
    buyer = organization.stripe_customer.stripe_id
    purchase = order(organization, **fields)
    charge(
        buyer,
        save_card(payments, buyer, card),
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        purchase_id=purchase.pk,
    )
    settled = settlement.settle(purchase.pk)
    assert settled.state == PurchaseState.PAID
    return Bought(payments, settled, User.objects.filter(is_staff=True).first() or factories.staff())


def grant_more(bought: Bought, credits: int) -> None:
    """Other credits of the same wallet."""
    key, wallet_id = f"more-{next(_numbers)}", bought.wallet.pk
    with ledger.open_book(keys=[(wallet_id, key)]) as book:
        ledger.grant(
            book,
            wallet_id=wallet_id,
            credits=credits,
            source=Source.GOODWILL,
            key=key,
            content_hash=ledger.hash_content(credits=credits),
            cause=ledger.Cause(memo="a gift"),
        )


def assert_clean(wallet: Wallet) -> None:
    """The auditor finds nothing in ledger and purchases, and neither does the small checker beside it."""
    scope = audit.Scope(now=datetime.now(UTC), wallet_id=wallet.pk)
    broken = [*audit.prove_ledger(scope), *audit.prove(PURCHASES, scope)]
    assert broken == [], [f"{each.invariant.name}: {each.first.what}" for each in broken]
    check_wallet(wallet.pk)
