"""Where a story of payments begins: an organization with its wallet and order, or on its plan."""

from uuid import UUID

from django.utils import timezone

from benchmarks.payments.steps import ALLOWANCE, BEFORE, BOUGHT, DAY, SPENT, Story
from benchmarks.payments.stripe import AMOUNT, CHECKOUT, CURRENCY, CUSTOMER, PAYMENT, PRICE, Stripe
from billing.models import (
    Method,
    Plan,
    PlanPrice,
    Purchase,
    PurchaseState,
    SaleTerms,
    StripeCustomer,
    StripePrice,
)
from billing.purchases.payments import grant_paid
from credits import ledger
from credits.models import Program, Source, Wallet, new_id
from organizations.models import Organization


def prepare(story: Story) -> Stripe:
    """Write the rows that a story begins with; the Stripe that it is about, before its first step."""
    now = timezone.now()
    organization = Organization.objects.create(
        slug=f"acme-{new_id()}", name="Acme", time_zone="UTC", language="en", country="JP", currency=CURRENCY
    )
    program = Program.objects.create(key=f"story-{new_id()}", name="Story")
    SaleTerms.objects.create(program=program, purchase_refunds="through_support")
    StripeCustomer.objects.create(organization=organization, stripe_id=CUSTOMER)
    sold = Plan.objects.create(program=program, key="basic", name="Basic", allowance=ALLOWANCE)
    PlanPrice.objects.create(plan=sold, currency=CURRENCY, amount_minor=AMOUNT)
    StripePrice.objects.create(stripe_id=PRICE, plan=sold, currency=CURRENCY, amount_minor=AMOUNT)
    wallet = ledger.open_wallet(organization=organization, program=program)
    _give(wallet)
    is_recharge = story.method == Method.AUTO_RECHARGE
    purchase = Purchase.objects.create(
        reference="DD-TEST-0001",
        organization=organization,
        name="Pack",
        credits=BOUGHT,
        amount_minor=AMOUNT,
        list_amount_minor=AMOUNT,
        currency=CURRENCY,
        method=story.method,
        state=PurchaseState.PENDING if is_recharge else PurchaseState.OPEN,
        form_token="form",
        created_at=now,
        expires_at=now + DAY,
        stripe_session_id=None if is_recharge else CHECKOUT,
    )
    if story.begins_paid:
        grant_paid(purchase, payment_id=PAYMENT)
        _spend(wallet, BEFORE + SPENT)
    return Stripe(at=now, purchase_id=UUID(str(purchase.pk)))


def _give(wallet: Wallet) -> None:
    with ledger.open_book(keys=[(wallet.pk, "gift")]) as book:
        ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=BEFORE,
            source=Source.GOODWILL,
            key="gift",
            content_hash=ledger.hash_content(credits=BEFORE),
            cause=ledger.Cause(memo="a gift"),
        )


def _spend(wallet: Wallet, credits: int) -> None:
    with ledger.open_book(keys=[(wallet.pk, "use")]) as book:
        ledger.spend(
            book,
            wallet_id=wallet.pk,
            credits=credits,
            feature="report",
            key="use",
            content_hash=ledger.hash_content(credits=credits),
            cause=ledger.Cause(memo="a use"),
        )
