"""The demo's purchases: ordered and paid as usual, except that Stripe is not called while seeding."""

from datetime import datetime
from zoneinfo import ZoneInfo

from billing.models import BillingDetails, Method, PaymentMethod, Purchase
from billing.purchases.orders import place_order
from billing.purchases.payments import Deposit, confirm_deposit, grant_paid
from billing.purchases.promotions import redeem
from billing.purchases.quotes import Choice, CustomChoice, PackChoice
from billing.purchases.settlement import cancel
from demo.cast import STAFF_EMAIL, Actor, Bought
from organizations.models import Organization, User


def prepare(organization: Organization, actor: Actor, *, now: datetime) -> None:
    """Write what orders need: billing details, and a card on file.

    `clear_up` removes the card, because the payments sandbox, which is called from then on, does not have it.
    """
    BillingDetails.objects.create(
        organization=organization,
        legal_name=actor.legal_name,
        address=actor.address,
        tax_number=actor.tax_number,
        receipt_email=actor.people[0].mail,
    )
    PaymentMethod.objects.create(
        organization=organization,
        stripe_id=f"pm_demo_{organization.slug}",
        kind="card",
        brand="visa",
        last4="4242",
        exp_month=1,
        exp_year=now.year + 1,
        attached_at=now,
    )


def clear_up(organization: Organization, *, now: datetime) -> None:
    """Remove the history's card from file."""
    PaymentMethod.objects.filter(organization=organization).update(detached_at=now)


def order(organization: Organization, bought: Bought, *, number: int, now: datetime) -> Purchase:
    """Place an order. number: its place among the organization's purchases."""
    choice: Choice = PackChoice(bought.pack, bought.lots) if bought.pack else CustomChoice(bought.amount_minor)
    buyer = organization.memberships.order_by("pk")[0].user
    placed = place_order(
        organization=organization,
        buyer=buyer,
        choice=choice,
        method=Method(bought.method),
        form_token=f"demo:{number}",
        now=now,
    )
    return cancel(placed, actor=buyer, now=now) if bought.is_canceled else placed


def pay(placed: Purchase, *, now: datetime) -> None:
    """Mark an order as paid; for a bank transfer, have staff confirm its deposit."""
    if placed.method == Method.BANK_TRANSFER:
        zone = ZoneInfo(placed.organization.time_zone)
        deposit = Deposit(
            amount_minor=placed.amount_minor,
            deposited_on=now.astimezone(zone).date(),
            confirmed_by=User.objects.get(email=STAFF_EMAIL),
            reason="On the bank statement",
        )
        confirm_deposit(placed, deposit, now=now)
    else:
        grant_paid(placed, payment_id=f"demo:{placed.pk}", now=now)


def redeem_code(organization: Organization, code: str, *, now: datetime) -> None:
    """Have the first owner redeem a promotion's code."""
    redeem(organization=organization, code=code, actor=organization.memberships.order_by("pk")[0].user, now=now)
