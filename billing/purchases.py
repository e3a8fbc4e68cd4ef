"""Settling purchases: one door for the webhook, the return page, the reconciliation and the recharge.

`settle` asks Stripe what is true, compares it with the order, and grants under a key made of the payment, so that
whoever calls it, how often and in whatever order, a payment becomes credits once.
"""

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from billing import referrals, stripe_gateway
from billing.models import Method, Purchase, PurchaseState, StripeCustomer
from credits import ledger
from credits.models import Source, Wallet
from organizations import audit_events
from organizations.models import User
from organizations.refusals import Refusal

# Legal moves. What Stripe says it has taken is paid for, whatever we thought before.
MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"open", "processing", "paid", "failed", "expired", "canceled"}),
    "open": frozenset({"processing", "paid", "failed", "expired", "canceled"}),
    "processing": frozenset({"paid", "failed"}),
    "failed": frozenset({"paid"}),
    "expired": frozenset({"paid", "processing"}),
    "canceled": frozenset({"paid", "processing"}),
    "paid": frozenset(),
}
SOURCES = {
    Method.CARD: Source.CARD,
    Method.BANK_TRANSFER: Source.BANK_TRANSFER,
    Method.AUTO_RECHARGE: Source.AUTO_RECHARGE,
}


# Payments that are not Stripe's: nothing to pay, and bank transfers.
OWN_PAYMENTS = ("free:", "deposit:")


class WrongPayment(Exception):
    """What Stripe took differs from the order in amount, currency or customer. Nothing was granted; people decide."""


class NotPayable(Refusal):
    """The order is no longer open for this: it was paid, canceled, or is of another method."""


def settle(purchase_id: UUID, *, now: datetime | None = None) -> Purchase:
    """Bring an order to where Stripe says it is, and grant its credits if it is paid. Outside any transaction.

    Any number of calls, from anywhere, at once, in any order grant once. now: for tests; the grant's clock is the
    database's. Raises WrongPayment, and the gateway's Unavailable (call again later).
    """
    purchase = Purchase.objects.select_related("organization").get(pk=purchase_id)
    if purchase.state == PurchaseState.PAID or purchase.method == Method.BANK_TRANSFER:
        return purchase
    if purchase.amount_minor == 0:
        return grant_paid(purchase, payment_id=f"free:{purchase.pk}", now=now)
    payment, checkout = _ask(purchase)
    if payment is not None and payment.status == "succeeded":
        _refuse_wrong(purchase, payment)
        return grant_paid(purchase, payment_id=payment.id, receipt_url=payment.receipt_url or "", now=now)
    state, failure = _target(payment, checkout)
    return _move(purchase, state, failure=failure)


def _ask(
    purchase: Purchase,
) -> tuple[stripe_gateway.PaymentState | None, stripe_gateway.CheckoutState | None]:
    """Ask Stripe for the order's checkout and payment; an order that lost the answer is found by its id."""
    checkout = None
    payment_id = purchase.stripe_payment_intent_id
    if purchase.stripe_session_id is not None:
        checkout = stripe_gateway.read_checkout(purchase.stripe_session_id)
        payment_id = checkout.payment_id or payment_id
    if payment_id:
        return stripe_gateway.read_payment(payment_id), checkout
    if checkout is None:
        found = stripe_gateway.find_payments_of(purchase.pk)
        paid = [payment for payment in found if payment.status == "succeeded"]
        if found:
            return (paid or found)[0], None
    return None, checkout


def _refuse_wrong(purchase: Purchase, payment: stripe_gateway.PaymentState) -> None:
    customer = StripeCustomer.objects.filter(organization=purchase.organization).first()
    asked = (purchase.amount_minor, purchase.currency, customer.stripe_id if customer else None)
    taken = (payment.received_minor, payment.currency, payment.customer)
    if asked != taken:
        message = f"Order {purchase.reference} asked for {asked}, payment {payment.id} took {taken}."
        raise WrongPayment(message)


def _target(
    payment: stripe_gateway.PaymentState | None, checkout: stripe_gateway.CheckoutState | None
) -> tuple[PurchaseState | None, str]:
    """Return where an unpaid order belongs, and why it failed if it did; None: where it is."""
    if checkout is not None and checkout.status == "expired":
        return PurchaseState.EXPIRED, ""
    if payment is not None and payment.status == "processing":
        return PurchaseState.PROCESSING, ""
    if payment is not None and payment.status == "canceled":
        return PurchaseState.CANCELED, ""
    failure = (payment.failure_message or "") if payment is not None else ""
    if checkout is not None and checkout.status == "complete":
        # A delayed method: on its way until the payment says that it failed.
        is_failed = payment is not None and payment.status == "requires_payment_method"
        return (PurchaseState.FAILED if is_failed else PurchaseState.PROCESSING), failure
    # An open checkout after a declined card: the customer may try again on the same page.
    return None, failure


def _move(purchase: Purchase, state: PurchaseState | None, *, failure: str) -> Purchase:
    with transaction.atomic():
        locked = Purchase.objects.select_for_update(no_key=True).get(pk=purchase.pk)
        if failure:
            locked.failure = failure[:200]
        if state is not None and state in MOVES[locked.state]:
            locked.state = state
        locked.save(update_fields=["state", "failure"])
    return locked


def grant_paid(purchase: Purchase, *, payment_id: str, receipt_url: str = "", now: datetime | None = None) -> Purchase:
    """Grant an order's credits under a key made of its payment, and mark it paid, in one transaction.

    The wallets are locked first, then the order. A referral that waits for the first paid purchase is credited with
    it. A second call changes nothing.
    """
    wallet = Wallet.objects.get(organization=purchase.organization_id)
    key = f"payment:{payment_id}"
    referral = referrals.waiting(purchase)
    keys = [(wallet.pk, key), *referrals.ledger_keys(referral)]
    with transaction.atomic(), ledger.open_book(keys=keys, now=now) as book:
        locked = (
            Purchase.objects.select_for_update(no_key=True, of=("self",))
            .select_related("organization")
            .get(pk=purchase.pk)
        )
        if locked.state == PurchaseState.PAID:
            return locked
        instant = book.wallet(wallet.pk).now
        recorded = ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=locked.credits,
            source=SOURCES[Method(locked.method)] if locked.amount_minor else Source.PROMOTION,
            key=key,
            content_hash=ledger.hash_content(purchase=str(locked.pk)),
            cause=ledger.Cause(actor_id=locked.bought_by_id, actor_label="purchase", memo=locked.reference),
            expires_at=expiry_of(locked, instant),
            cost_minor=locked.amount_minor,
            cost_currency=locked.currency if locked.amount_minor else "",
        )
        if referral is not None:
            referrals.credit(book, referral, now=instant)
        # The grant's row is written on leaving the book; the foreign key is checked at the commit.
        locked.grant_id = recorded.subject
        locked.state = PurchaseState.PAID
        locked.paid_at = instant
        locked.failure = ""
        locked.receipt_url = receipt_url
        if not payment_id.startswith(OWN_PAYMENTS):
            locked.stripe_payment_intent_id = payment_id
        locked.save()
        audit_events.record(
            action="purchase.paid",
            organization=locked.organization,
            target=locked.reference,
            details={"payment": payment_id, "credits": locked.credits},
            now=instant,
        )
    return locked


def expiry_of(purchase: Purchase, paid_at: datetime) -> datetime | None:
    """Return when a purchase's credits expire: at the end of the day, so many days after the day of the purchase, in
    the organization's time zone. None: never."""
    if purchase.validity_days is None:
        return None
    zone = ZoneInfo(purchase.organization.time_zone)
    last_day = paid_at.astimezone(zone).date() + timedelta(days=purchase.validity_days)
    return datetime.combine(last_day + timedelta(days=1), time.min, tzinfo=zone)


def confirm_deposit(
    purchase: Purchase,
    *,
    amount_minor: int,
    deposited_on: date,
    confirmed_by: User,
    reason: str,
    now: datetime | None = None,
) -> Purchase:
    """Say that the money of a bank transfer has arrived, and grant its credits. A second call changes nothing.

    amount_minor: what arrived; it must be what was ordered. Raises NotPayable.
    """
    if purchase.method != Method.BANK_TRANSFER:
        raise NotPayable(_("This order is not paid by bank transfer."))
    if purchase.state == PurchaseState.PAID:
        return purchase
    if amount_minor != purchase.amount_minor:
        raise NotPayable(_("The deposit differs from the amount of the order."))
    with transaction.atomic():
        Purchase.objects.filter(pk=purchase.pk, confirmed_by=None).update(
            deposited_on=deposited_on, confirmed_by=confirmed_by
        )
        settled = grant_paid(purchase, payment_id=f"deposit:{purchase.pk}", now=now)
        audit_events.record(
            action="purchase.deposit_confirmed",
            organization=purchase.organization,
            actor=confirmed_by,
            target=purchase.reference,
            reason=reason,
            details={"amount_minor": amount_minor, "deposited_on": deposited_on.isoformat()},
            now=now,
        )
    return settled


def cancel(purchase: Purchase) -> Purchase:
    """Give up an order that nobody has paid; its checkout is closed at Stripe first. Outside any transaction.

    One that was paid meanwhile is settled instead. Raises the gateway's Unavailable.
    """
    if purchase.stripe_session_id and purchase.state in {PurchaseState.PENDING, PurchaseState.OPEN}:
        checkout = stripe_gateway.expire_checkout(purchase.stripe_session_id)
        if checkout.status != "expired":
            return settle(purchase.pk)
    return _move(purchase, PurchaseState.CANCELED, failure="")
