"""Settling purchases: webhooks, return pages, the reconciliation and recharges all call `settle`.

It asks Stripe for the payment, compares it with the order, and grants under a key made of the payment. So a payment
becomes credits once, however often and in whatever order it is called.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import Method, Purchase, PurchaseState, StripeCustomer
from billing.purchases.payments import grant_paid, leave_promotion
from organizations import audit_events
from organizations.models import User

logger = logging.getLogger(__name__)

# Legal moves. Money that Stripe has taken counts as paid, whatever the state was before.
MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"open", "processing", "paid", "failed", "expired", "canceled"}),
    "open": frozenset({"processing", "paid", "failed", "expired", "canceled"}),
    "processing": frozenset({"paid", "failed"}),
    "failed": frozenset({"paid"}),
    "expired": frozenset({"paid", "processing"}),
    "canceled": frozenset({"paid", "processing"}),
    "paid": frozenset(),
}
# States in which an order waits for its payment, and may be canceled or expire.
WAITING = frozenset({PurchaseState.PENDING, PurchaseState.OPEN})
# An order that Stripe does not know expires so long after its time: by then no call about it is under way.
LOST_AFTER = timedelta(hours=1)


class WrongPayment(Exception):
    """What Stripe took differs from the order in amount, currency or customer. Nothing was granted; staff decide."""


def settle(purchase_id: UUID, *, now: datetime | None = None) -> Purchase:
    """Move an order to the state of its payment at Stripe; grant its credits if it is paid. Outside any transaction.

    Any number of calls, at once and in any order, grant once. now: for tests; the grant's clock is the database's.
    Raises WrongPayment, and the gateway's Unavailable: call again later.
    """
    purchase = Purchase.objects.select_related("organization").get(pk=purchase_id)
    if purchase.state == PurchaseState.PAID:
        return _with_documents(purchase)
    if purchase.amount_minor == 0:
        # Nothing to pay: an open order counts as paid, one that is over does not.
        if purchase.state not in WAITING:
            return purchase
        return grant_paid(purchase, payment_id=f"free:{purchase.pk}", now=now)
    if purchase.method == Method.BANK_TRANSFER:
        return _expire_if_late(purchase, now=now, after=timedelta(0))
    return _settle_with_stripe(purchase, now=now)


def _settle_with_stripe(purchase: Purchase, *, now: datetime | None) -> Purchase:
    payment, checkout = _ask(purchase)
    if payment is not None and payment.status == "succeeded":
        _refuse_wrong(purchase, payment, now=now)
        return _with_documents(grant_paid(purchase, payment_id=payment.id, receipt_url=payment.receipt_url, now=now))
    if payment is None and checkout is None:
        return _expire_if_late(purchase, now=now, after=LOST_AFTER)
    state, failure = _target(payment, checkout)
    return _move(purchase, state, failure=failure)


def _expire_if_late(purchase: Purchase, *, now: datetime | None, after: timedelta) -> Purchase:
    """Let an unpaid order expire once its time is over. Money that comes later is granted all the same."""
    if purchase.state not in WAITING or (now or timezone.now()) < purchase.expires_at + after:
        return purchase
    return _move(purchase, PurchaseState.EXPIRED, failure="")


def _with_documents(purchase: Purchase) -> Purchase:
    """Store the address of Stripe's invoice once there is one. Nothing depends on it, so errors are only logged."""
    if purchase.stripe_session_id is None or purchase.invoice_url:
        return purchase
    try:
        invoice_id = stripe_gateway.read_checkout(purchase.stripe_session_id).invoice_id
        invoice = stripe_gateway.read_invoice(invoice_id) if invoice_id else None
    except stripe_gateway.GatewayError as error:
        logger.warning("No invoice for %s yet: %s", purchase.reference, error)
        return purchase
    if invoice is not None and invoice.hosted_url:
        purchase.stripe_invoice_id, purchase.invoice_url = invoice.id, invoice.hosted_url
        purchase.save(update_fields=["stripe_invoice_id", "invoice_url"])
    return purchase


def _ask(
    purchase: Purchase,
) -> tuple[stripe_gateway.PaymentState | None, stripe_gateway.CheckoutState | None]:
    """Ask Stripe for the order's payment and checkout; where the answer was lost, search by the order's id."""
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


def _refuse_wrong(purchase: Purchase, payment: stripe_gateway.PaymentState, *, now: datetime | None) -> None:
    customer = StripeCustomer.objects.filter(organization=purchase.organization).first()
    asked = (purchase.amount_minor, purchase.currency, customer.stripe_id if customer else None)
    taken = (payment.received_minor, payment.currency, payment.customer)
    if asked == taken:
        return
    _report_difference(purchase, payment, details={"asked": asked, "taken": taken}, now=now)
    message = f"Order {purchase.reference} asked for {asked}, payment {payment.id} took {taken}."
    raise WrongPayment(message)


def _report_difference(
    purchase: Purchase, payment: stripe_gateway.PaymentState, *, details: dict[str, object], now: datetime | None
) -> None:
    """Report a wrong payment to staff by an audit event, once, and note on the order that staff check it."""
    with transaction.atomic():
        is_new = audit_events.record_once(
            key=f"{purchase.reference}:{payment.id}",
            action=Action.PURCHASE_PAYMENT_DIFFERS,
            organization=purchase.organization,
            target=purchase.reference,
            details={"payment": payment.id, **details},
            now=now,
        )
        if is_new:
            sentence = _("The amount paid does not match the order. Our support team is looking into it.")
            Purchase.objects.filter(pk=purchase.pk).update(failure=sentence)


def _target(
    payment: stripe_gateway.PaymentState | None, checkout: stripe_gateway.CheckoutState | None
) -> tuple[PurchaseState | None, str]:
    """Return the state that an unpaid order should have (None: unchanged), and why it failed, if it did."""
    if checkout is not None and checkout.status == "expired":
        return PurchaseState.EXPIRED, ""
    if payment is not None and payment.status == "processing":
        return PurchaseState.PROCESSING, ""
    if payment is not None and payment.status == "canceled":
        return PurchaseState.CANCELED, ""
    failure = (payment.failure_message or "") if payment is not None else ""
    if checkout is not None and checkout.status == "complete":
        # A delayed method: processing until the payment fails or succeeds.
        is_failed = payment is not None and payment.status == "requires_payment_method"
        return (PurchaseState.FAILED if is_failed else PurchaseState.PROCESSING), failure
    # An open checkout after a declined card: the customer may try again on the same page.
    return None, failure


def _move(purchase: Purchase, state: PurchaseState | None, *, failure: str) -> Purchase:
    with transaction.atomic():
        locked = (
            Purchase.objects.select_for_update(no_key=True, of=("self",))
            .select_related("organization")
            .get(pk=purchase.pk)
        )
        if failure:
            locked.failure = failure[:200]
        if state is not None and state in MOVES[locked.state]:
            leave_promotion(locked, state)
            locked.state = state
        locked.save(update_fields=["state", "failure", "promotion"])
    return locked


def cancel(purchase: Purchase, *, actor: User | None = None, now: datetime | None = None) -> Purchase:
    """Cancel an unpaid order; its checkout is closed at Stripe first. Outside any transaction.

    An order that was paid meanwhile is settled instead; one that is over stays as it is. Raises the gateway's errors.
    """
    if purchase.state not in WAITING:
        return purchase
    if purchase.stripe_session_id:
        checkout = stripe_gateway.expire_checkout(purchase.stripe_session_id)
        if checkout.status != "expired":
            return settle(purchase.pk, now=now)
    canceled = _move(purchase, PurchaseState.CANCELED, failure="")
    if canceled.state == PurchaseState.CANCELED:
        audit_events.record(
            action=Action.PURCHASE_CANCELED,
            organization=purchase.organization,
            actor=actor,
            target=purchase.reference,
            now=now,
        )
    return canceled
