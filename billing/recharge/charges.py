"""Charges of auto-recharge: an attempt is charged at Stripe once, outside any transaction, and its order settled.

`recharge` is a whole recharge from decision to credits. Attempts are begun and closed in `attempts`, orders are settled
in `billing.purchases`, and `sweep` finds what is due. No rule is decided here.
"""

import logging
from datetime import datetime, timedelta

from billing import stripe_calls, stripe_gateway
from billing.models import Purchase, PurchaseState, RechargeAttempt, RechargeState, StripeCustomer
from billing.purchases import settlement
from billing.recharge.attempts import begin, close, rules
from billing.recharge.rules import default_method
from billing.stripe_gateway import PaymentState
from credits.balance.queries import balance_of

logger = logging.getLogger(__name__)


def recharge(wallet_id: int, *, now: datetime | None = None) -> RechargeAttempt | None:
    """Buy what the wallet's rule says, if it is due; return the attempt, or None where there is nothing to do.

    May be called at any time, and several times at once. Outside any transaction. now: for tests; without it the
    database's clock, read after the lock.
    """
    attempt = begin(wallet_id, now)
    if attempt is None:
        return None
    charge = Charge(attempt, now=now)
    stripe_calls.send(charge)
    return charge.attempt


class Charge(stripe_calls.StripeCall[PaymentState]):
    """The charge of an attempt. `attempt` is refreshed by every step. now: for tests."""

    what = "payment"
    key_lasts = timedelta(hours=1)

    def __init__(self, attempt: RechargeAttempt, *, now: datetime | None) -> None:
        self.attempt = attempt
        self.now = now

    @property
    def committed_at(self) -> datetime:
        """When the attempt was begun."""
        return self.attempt.created_at

    def make(self) -> PaymentState:
        """Charge the payment method that the attempt names."""
        purchase = self.attempt.purchase
        return stripe_gateway.charge_off_session(
            customer=StripeCustomer.objects.get(organization=self.attempt.organization_id).stripe_id,
            payment_method=self.attempt.payment_method,
            amount_minor=purchase.amount_minor,
            currency=purchase.currency,
            purchase_id=purchase.pk,
            description=f"{purchase.name} ({purchase.reference})",
            key=f"recharge:{self.attempt.pk}",
        )

    def find(self) -> PaymentState | None:
        """Ask for the order's payment by its id, or search for it."""
        purchase = self.attempt.purchase
        if purchase.stripe_payment_intent_id:
            return stripe_gateway.read_payment(purchase.stripe_payment_intent_id)
        found = stripe_gateway.find_payments_of(purchase.pk)
        paid = [payment for payment in found if payment.status == "succeeded"]
        return next(iter(paid or found), None)

    def find_for_sure(self) -> PaymentState | None:
        """Go through Stripe's list, which is long but never lags as its search does."""
        listed = stripe_gateway.find_payments(since=self.committed_at - timedelta(minutes=5))
        return next((payment for payment in listed if payment.purchase_id == self.attempt.purchase_id), None)

    def is_wanted(self, now: datetime) -> bool:
        """Whether the attempt would be begun now, with the same payment method."""
        open_rules = rules().filter(is_on=True, paused_at=None, organization__closed_at=None)
        row = open_rules.filter(pk=self.attempt.organization_id).first()
        if row is None:
            return False
        method = default_method(row.organization)
        if method is None or method.stripe_id != self.attempt.payment_method:
            return False
        return balance_of(row.organization.wallet, now).available < row.threshold

    def follow(self, payment: PaymentState) -> None:
        """Settle the order or close the attempt, as the payment's status says."""
        Purchase.objects.filter(pk=self.attempt.purchase_id, stripe_payment_intent_id=None).update(
            stripe_payment_intent_id=payment.id
        )
        if payment.status in {"succeeded", "processing"}:
            self._settle()
            return
        needs_person = payment.status == "requires_action" or payment.failure_code == "authentication_required"
        failure = stripe_gateway.Refused(payment.failure_message or payment.status, code=payment.failure_code)
        state = RechargeState.NEEDS_PERSON if needs_person else RechargeState.FAILED
        self.attempt = close(self.attempt, state, failure, now=self.now, payment_id=payment.id)

    def _settle(self) -> None:
        """Settle the order; close the attempt once it is paid."""
        try:
            purchase = settlement.settle(self.attempt.purchase_id, now=self.now)
        except (stripe_gateway.GatewayError, settlement.WrongPayment) as error:
            logger.exception("Recharge %s is not settled yet", self.attempt.pk)
            self.mark_unknown(str(error))
            return
        if purchase.state == PurchaseState.PAID:
            self.attempt = close(self.attempt, RechargeState.SUCCEEDED, None, now=self.now)

    def fail(self, refused: stripe_gateway.Refused) -> None:
        """Close the attempt as failed. A charge that never arrived does not count towards the rule's pause."""
        is_decline = isinstance(refused, stripe_gateway.Declined)
        needs_person = isinstance(refused, stripe_gateway.AuthenticationRequired)
        has_arrived = not isinstance(refused, stripe_calls.NeverArrived)
        if has_arrived and not is_decline:
            logger.error("Stripe refused the charge for %s: %s", self.attempt.purchase.reference, refused)
        self.attempt = close(
            self.attempt,
            RechargeState.NEEDS_PERSON if needs_person else RechargeState.FAILED,
            refused,
            now=self.now,
            payment_id=refused.payment_id if isinstance(refused, stripe_gateway.Declined) else None,
            counts=has_arrived,
        )

    def mark_unknown(self, why: str) -> None:
        """Mark the attempt's fate as unknown; the attempt blocks others until it is known."""
        RechargeAttempt.objects.filter(pk=self.attempt.pk, state=RechargeState.PENDING).update(
            state=RechargeState.UNKNOWN, error_message=why[:300]
        )
        self.attempt.refresh_from_db()
