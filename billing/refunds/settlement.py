"""Settling reversals: webhooks and the reconciliation call `settle`, which asks Stripe for refunds and disputes.

Nothing is added up from events. The states at Stripe are read and recorded, and the grant is moved to match all of
them together (`clawback`).
"""

from datetime import datetime

from billing import stripe_gateway
from billing.models import Purchase, PurchaseState
from billing.purchases import settlement
from billing.refunds import clawback, disputes, rows
from credits import ledger


def settle(payment_id: str, *, now: datetime | None = None) -> Purchase | None:
    """Make a payment's purchase and its grant match Stripe's refunds and disputes; None: it paid for no purchase.

    Outside any transaction. Any number of calls, at once and in any order, have the same result. A purchase that is not
    known to be paid is settled first. Raises WrongPayment, and the gateway's Refused and Unavailable: call again later.
    """
    purchase = _paid_by(payment_id, now=now)
    if purchase is None:
        return None
    found, disputed = stripe_gateway.read_refunds(payment_id), stripe_gateway.read_disputes(payment_id)
    # States are recorded in the transaction that moves the grant, so without a new one there is nothing to do or lock.
    if not rows.has_news(purchase, found) and not disputes.has_news(purchase, disputed):
        return purchase

    def record(book: ledger.Book, locked: Purchase) -> None:
        rows.record_states(book, locked, found)
        disputes.record_states(book, locked, disputed)

    cause = ledger.Cause(actor_label="dispute" if disputed else "refund", memo=purchase.reference)
    return clawback.move(purchase.pk, cause=cause, record=record, now=now)


def _paid_by(payment_id: str, *, now: datetime | None) -> Purchase | None:
    known = Purchase.objects.filter(stripe_payment_intent_id=payment_id, state=PurchaseState.PAID).first()
    if known is not None:
        return known
    purchase_id = stripe_gateway.read_payment(payment_id).purchase_id
    if purchase_id is None or not Purchase.objects.filter(pk=purchase_id).exists():
        return None
    settled = settlement.settle(purchase_id, now=now)
    # A second payment of an order that another has paid brought no credits, so its refund takes none.
    is_ours = settled.state == PurchaseState.PAID and settled.stripe_payment_intent_id == payment_id
    return settled if is_ours else None
