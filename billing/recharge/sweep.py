"""Auto-recharge, every minute: what became of attempts left under way, and which wallets fell below their thresholds.

This is the truth; the nudge that the ledger's signal gives is only the hurry. A lost answer and a killed worker are
found out here by asking Stripe.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from billing import stripe_gateway
from billing.models import Purchase, PurchaseState, RechargeAttempt, RechargeState
from billing.recharge import consent
from billing.recharge.attempts import charge, close, follow, note_unknown, recharge, rules
from billing.recharge.rules import UNDER_WAY, default_method
from credits.balance.queries import balance_of
from sql.statements import fetch

logger = logging.getLogger(__name__)

# After this a call is over, whatever became of its worker; by then Stripe's search knows its payment, too.
SETTLES_AFTER = timedelta(minutes=2)
# A payment of which Stripe knows nothing after this was never made. Its key, good for a day, is not used after it.
GIVEN_UP_AFTER = timedelta(hours=1)
# A sweep begins nothing further after this, so that its task ends before the queue's soft time limit.
SWEEP_SECONDS = 20


def resolve(attempt: RechargeAttempt, *, now: datetime | None = None) -> RechargeAttempt:
    """Bring an attempt that was left under way to where Stripe says it is. Outside any transaction.

    One of which Stripe knows nothing is asked for again under the same key while the rule still wants it, and given up
    after an hour. Any number of calls, at once, take the money at most once. Raises the gateway's Refused and
    Unavailable; then nothing has changed.
    """
    instant = now or timezone.now()
    if attempt.purchase.state == PurchaseState.PAID:
        return close(attempt, RechargeState.SUCCEEDED, None, now=now)
    payment = _payment_of(attempt.purchase)
    if payment is not None:
        return follow(attempt, payment, now)
    if instant < attempt.created_at + GIVEN_UP_AFTER:
        return charge(attempt, now) if _is_still_wanted(attempt, instant) else note_unknown(attempt, "no answer")
    payment = _listed_payment_of(attempt)
    if payment is not None:
        return follow(attempt, payment, now)
    never = stripe_gateway.Refused("The payment never reached Stripe.", code="never_arrived")
    return close(attempt, RechargeState.FAILED, never, now=now, counts=False)


def _payment_of(purchase: Purchase) -> stripe_gateway.PaymentState | None:
    if purchase.stripe_payment_intent_id:
        return stripe_gateway.read_payment(purchase.stripe_payment_intent_id)
    found = stripe_gateway.find_payments_of(purchase.pk)
    paid = [payment for payment in found if payment.status == "succeeded"]
    return next(iter(paid or found), None)


def _listed_payment_of(attempt: RechargeAttempt) -> stripe_gateway.PaymentState | None:
    """Look through Stripe's list, which is long but never lags as its search does."""
    listed = stripe_gateway.find_payments(since=attempt.created_at - timedelta(minutes=5))
    return next((payment for payment in listed if payment.purchase_id == attempt.purchase_id), None)


def _is_still_wanted(attempt: RechargeAttempt, now: datetime) -> bool:
    """Whether an attempt that may never have reached Stripe would be begun now, with the same payment method."""
    row = rules().filter(pk=attempt.organization_id, is_on=True, paused_at=None, organization__closed_at=None).first()
    if row is None:
        return False
    method = default_method(row.organization)
    if method is None or method.stripe_id != attempt.payment_method:
        return False
    return balance_of(row.organization.wallet, now).available < row.threshold


# What can be spent, as the ledger counts it, of every wallet whose rule waits for its turn: one statement for all.
READ_BELOW_THRESHOLD = """
    SELECT w.id
    FROM billing_autorecharge r
    JOIN organizations_organization o ON o.id = r.organization_id AND o.closed_at IS NULL
    JOIN credits_wallet w ON w.organization_id = o.id
    LEFT JOIN LATERAL (
        SELECT sum(g.remaining - g.reserved) AS credits FROM credits_grant g
        WHERE g.wallet_id = w.id AND g.is_open AND g.frozen_at IS NULL
          AND g.effective_at <= %s AND (g.expires_at IS NULL OR g.expires_at > %s)
    ) free ON true
    WHERE r.is_on AND r.paused_at IS NULL AND (w.debt > 0 OR coalesce(free.credits, 0) < r.threshold)
      AND (r.retry_at IS NULL OR r.retry_at <= %s)
    ORDER BY w.id
"""


def sweep(*, now: datetime | None = None) -> dict[str, int]:
    """Do everything that is due: find out, resume, buy. Returns how many attempts it began or brought on, and how many
    steps failed.

    May run at any time, side by side with itself; what fails is logged and harms nothing else. What it has no time for
    is left to the next sweep. Outside any transaction.
    """
    instant = now or timezone.now()
    give_up = time.monotonic() + SWEEP_SECONDS
    _correct_what_was_paid_after_all()
    consent.resume_with_other_methods(now=now)
    work: list[Callable[[], RechargeAttempt | None]] = []
    work += [partial(resolve, attempt, now=now) for attempt in _left_under_way(instant)]
    work += [partial(recharge, wallet_id, now=now) for wallet_id in below_threshold(instant)]
    done = failed = 0
    for step in work:
        if time.monotonic() > give_up:
            break
        try:
            done += step() is not None
        except Exception:  # one organization's trouble must not reach the next
            logger.exception("A recharge failed: %s", step)
            failed += 1
    return {"recharges": done, "failed": failed}


def below_threshold(now: datetime) -> list[int]:
    """Return the wallets that seem to have fallen below their thresholds. Only `recharge`, under the lock, is sure."""
    return [wallet_id for (wallet_id,) in fetch(READ_BELOW_THRESHOLD, [now, now, now])]


def _left_under_way(now: datetime) -> list[RechargeAttempt]:
    """Return the attempts that nobody is at any more: their workers are done or dead."""
    attempts = RechargeAttempt.objects.select_related("purchase", "organization__wallet")
    left = attempts.filter(state__in=UNDER_WAY, created_at__lte=now - SETTLES_AFTER)
    return list(left.order_by("created_at"))


def _correct_what_was_paid_after_all() -> None:
    """Money that came although we had given up: its credits are granted, so the attempt has succeeded."""
    RechargeAttempt.objects.filter(
        state__in=[RechargeState.FAILED, RechargeState.NEEDS_PERSON], purchase__state=PurchaseState.PAID
    ).update(state=RechargeState.SUCCEEDED)
