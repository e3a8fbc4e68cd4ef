"""Refunds at Stripe: each is made by one call, and a lost answer is resolved later.

The refund's row and the credits that it takes are committed before (`refunding`); Stripe's states are recorded in
`rows`, under the wallet's lock. Whether a purchase may be refunded is not decided here.
"""

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from billing import stripe_calls, stripe_gateway
from billing.models import Purchase, Refund, RefundState
from billing.refunds import clawback
from billing.refunds.rows import record_states, set_state, unresolved
from credits import ledger

logger = logging.getLogger(__name__)

SWEPT_AT_ONCE = 50


class RefundCall(stripe_calls.StripeCall[list[stripe_gateway.RefundState]]):
    """The call that makes a refund. Its answer: the payment's refunds at Stripe. now: for tests."""

    what = "refund"
    key_lasts = timedelta(hours=23)

    def __init__(self, refund: Refund, *, now: datetime | None) -> None:
        self.refund = refund
        self.now = now

    @property
    def committed_at(self) -> datetime:
        """When the refund was begun."""
        return self.refund.created_at

    def make(self) -> list[stripe_gateway.RefundState]:
        """Have Stripe send the money back."""
        state = stripe_gateway.create_refund(
            payment_id=self.refund.purchase.stripe_payment_intent_id or "",
            amount_minor=self.refund.amount_minor,
            refund_id=self.refund.pk,
            key=f"refund:{self.refund.pk}",
        )
        return [state]

    def find(self) -> list[stripe_gateway.RefundState] | None:
        """Read the payment's refunds, if this one is among them."""
        states = stripe_gateway.read_refunds(self.refund.purchase.stripe_payment_intent_id or "")
        return states if any(state.refund_id == self.refund.pk for state in states) else None

    def follow(self, states: list[stripe_gateway.RefundState]) -> None:
        """Record Stripe's states, and move the grant to match all reversals."""
        clawback.move(
            self.refund.purchase_id,
            cause=self._cause(),
            record=lambda book, purchase: record_states(book, purchase, states),
            now=self.now,
        )

    def fail(self, refused: stripe_gateway.Refused) -> None:
        """Let the refund fail, so that its credits go back; one that Stripe has confirmed meanwhile stays."""

        def write(_book: ledger.Book, _purchase: Purchase) -> None:
            if Refund.objects.filter(unresolved(), pk=self.refund.pk).exists():
                set_state(self.refund, RefundState.FAILED, why=str(refused), now=self.now)

        clawback.move(self.refund.purchase_id, cause=self._cause(), record=write, now=self.now)

    def mark_unknown(self, why: str) -> None:
        """Say that its fate is not known: its credits stay taken, and it blocks other refunds of the purchase."""
        logger.warning("Refund %s: %s", self.refund.pk, why)
        pending = Refund.objects.filter(pk=self.refund.pk, state=RefundState.PENDING, stripe_id=None)
        pending.update(state=RefundState.UNKNOWN)

    def _cause(self) -> ledger.Cause:
        return ledger.Cause(actor_label="refund", memo=self.refund.purchase.reference)


def resolve_due(*, now: datetime | None = None) -> int:
    """Resolve refunds whose answer got lost; return how many it asked Stripe about. Outside any transaction."""
    instant = now or timezone.now()
    left = Refund.objects.filter(unresolved(), created_at__lte=instant - stripe_calls.SETTLES_AFTER)
    asked = 0
    for row in left.select_related("purchase").order_by("created_at")[:SWEPT_AT_ONCE]:
        try:
            stripe_calls.resolve(RefundCall(row, now=now), now=instant)
        except stripe_gateway.GatewayError as error:
            logger.warning("Refund %s stays unknown: %s", row.pk, error)
        asked += 1
    return asked
