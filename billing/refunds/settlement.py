"""One door for money that went back: webhooks and the reconciliation call `settle`, which asks Stripe what is true.

Nothing is added up from events: refunds and disputes are read as they stand, written down, and the grant is moved to
where all of them together say it belongs.
"""

from datetime import datetime

from billing import stripe_gateway
from billing.models import Purchase, PurchaseState
from billing.purchases import settlement
from billing.refunds import clawback, disputes, rows
from credits import ledger


def settle(payment_id: str, *, now: datetime | None = None) -> Purchase | None:
    """Bring a payment's purchase and its grant to where Stripe's refunds and disputes say; None: it paid for none.

    Outside any transaction. Any number of calls, at once, in any order lead to the same. A purchase that is not known
    to be paid is settled first. Raises WrongPayment, and the gateway's Refused and Unavailable (call again later).
    """
    purchase = _paid_by(payment_id, now=now)
    if purchase is None:
        return None
    found, disputed = stripe_gateway.read_refunds(payment_id), stripe_gateway.read_disputes(payment_id)
    # What is written down was moved to in the same transaction, so without news there is nothing to do or to lock.
    if not rows.has_news(purchase, found) and not disputes.has_news(purchase, disputed):
        return purchase

    def learn(book: ledger.Book, locked: Purchase) -> None:
        rows.learn(book, locked, found)
        disputes.learn(book, locked, disputed)

    cause = ledger.Cause(actor_label="dispute" if disputed else "refund", memo=purchase.reference)
    return clawback.move(purchase.pk, cause=cause, learn=learn, now=now)


def _paid_by(payment_id: str, *, now: datetime | None) -> Purchase | None:
    known = Purchase.objects.filter(stripe_payment_intent_id=payment_id, state=PurchaseState.PAID).first()
    if known is not None:
        return known
    purchase_id = stripe_gateway.read_payment(payment_id).purchase_id
    if purchase_id is None or not Purchase.objects.filter(pk=purchase_id).exists():
        return None
    settled = settlement.settle(purchase_id, now=now)
    # A second payment of an order that another one has paid brought no credits, so its refund takes none.
    is_ours = settled.state == PurchaseState.PAID and settled.stripe_payment_intent_id == payment_id
    return settled if is_ours else None
