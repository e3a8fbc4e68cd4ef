"""The sweep of auto-recharge: every minute it resolves open attempts and recharges wallets below their thresholds.

It finds everything that is due; a nudge only makes a recharge start sooner. Lost answers and killed workers are
resolved here by asking Stripe. What a recharge does is in `charges`.
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

# A sweep begins nothing after this, so that its task ends before the queue's soft time limit.
SWEEP_SECONDS = 20


def resolve(attempt: RechargeAttempt, *, now: datetime | None = None) -> RechargeAttempt:
    """Ask Stripe about an open attempt and settle or close it. Outside any transaction.

    A charge that Stripe does not know is made again under the same key while the rule still wants it, and given up
    after an hour. Any number of calls, at once, take the money at most once. Raises the gateway's Refused and
    Unavailable; then nothing has changed.
    """
    if attempt.purchase.state == PurchaseState.PAID:
        return close(attempt, RechargeState.SUCCEEDED, None, now=now)
    charge = Charge(attempt, now=now)
    stripe_calls.resolve(charge, now=now or timezone.now())
    return charge.attempt


# One statement for all wallets whose rules may buy now. What can be spent is counted as the ledger counts it.
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
    """Resolve open attempts, resume paused rules, and recharge. Outside any transaction.

    Returns how many attempts were begun or resolved, and how many steps failed; a failed step is logged and stops no
    other. What is left when its time is over waits for the next sweep. Several may run at once.
    """
    instant = now or timezone.now()
    _correct_paid_later()
    consent.resume_with_other_methods(now=now)
    work: list[Callable[[], RechargeAttempt | None]] = []
    work += [partial(resolve, attempt, now=now) for attempt in _left_under_way(instant)]
    work += [partial(recharge, wallet_id, now=now) for wallet_id in below_threshold(instant)]
    done = failed = 0
    for step in within(SWEEP_SECONDS, work):
        try:
            done += step() is not None
        except Exception:  # one organization's error must not stop the others
            logger.exception("A recharge failed: %s", step)
            failed += 1
    return {"recharges": done, "failed": failed}


def below_threshold(now: datetime) -> list[int]:
    """Return the wallets that seem to be below their thresholds; `recharge` decides under the lock."""
    return [wallet_id for (wallet_id,) in fetch(READ_BELOW_THRESHOLD, [now, now, now])]


def _left_under_way(now: datetime) -> list[RechargeAttempt]:
    """Return open attempts whose workers have ended or died."""
    attempts = RechargeAttempt.objects.select_related("purchase", "organization__wallet")
    left = attempts.filter(state__in=UNDER_WAY, created_at__lte=now - stripe_calls.SETTLES_AFTER)
    return list(left.order_by("created_at"))


def _correct_paid_later() -> None:
    """Mark failed attempts as succeeded whose orders were paid later all the same: their credits are granted."""
    RechargeAttempt.objects.filter(
        state__in=[RechargeState.FAILED, RechargeState.NEEDS_PERSON], purchase__state=PurchaseState.PAID
    ).update(state=RechargeState.SUCCEEDED)
