"""Auto-recharge, every minute: what became of attempts left under way, and which wallets fell below their thresholds.

This is the truth; the nudge that the ledger's signal gives is only the hurry. A lost answer and a killed worker are
found out here by asking Stripe.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.utils import timezone

from billing import stripe_calls
from billing.models import PurchaseState, RechargeAttempt, RechargeState
from billing.recharge import consent
from billing.recharge.attempts import close
from billing.recharge.charges import Charge, recharge
from billing.recharge.rules import UNDER_WAY
from jobs.outbox import within
from sql.statements import fetch

logger = logging.getLogger(__name__)

# A sweep begins nothing further after this, so that its task ends before the queue's soft time limit.
SWEEP_SECONDS = 20


def resolve(attempt: RechargeAttempt, *, now: datetime | None = None) -> RechargeAttempt:
    """Bring an attempt that was left under way to where Stripe says it is. Outside any transaction.

    One of which Stripe knows nothing is charged again under the same key while the rule still wants it, and given up
    after an hour. Any number of calls, at once, take the money at most once. Raises the gateway's Refused and
    Unavailable; then nothing has changed.
    """
    if attempt.purchase.state == PurchaseState.PAID:
        return close(attempt, RechargeState.SUCCEEDED, None, now=now)
    charge = Charge(attempt, now=now)
    stripe_calls.resolve(charge, now=now or timezone.now())
    return charge.attempt


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
    _correct_what_was_paid_after_all()
    consent.resume_with_other_methods(now=now)
    work: list[Callable[[], RechargeAttempt | None]] = []
    work += [partial(resolve, attempt, now=now) for attempt in _left_under_way(instant)]
    work += [partial(recharge, wallet_id, now=now) for wallet_id in below_threshold(instant)]
    done = failed = 0
    for step in within(SWEEP_SECONDS, work):
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
    left = attempts.filter(state__in=UNDER_WAY, created_at__lte=now - stripe_calls.SETTLES_AFTER)
    return list(left.order_by("created_at"))


def _correct_what_was_paid_after_all() -> None:
    """Money that came although we had given up: its credits are granted, so the attempt has succeeded."""
    RechargeAttempt.objects.filter(
        state__in=[RechargeState.FAILED, RechargeState.NEEDS_PERSON], purchase__state=PurchaseState.PAID
    ).update(state=RechargeState.SUCCEEDED)
