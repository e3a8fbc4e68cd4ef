"""Attempts of auto-recharge: one at a time, begun with its order before Stripe is called, and closed once.

Both happen under the wallet's lock. The charge between them is in `charges`; owners change the rule in `consent`. No
call to Stripe belongs here.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import (
    AutoRecharge,
    Method,
    PauseReason,
    Purchase,
    PurchaseState,
    RechargeAttempt,
    RechargeState,
)
from billing.purchases.orders import write_order
from billing.recharge import notices
from billing.recharge.rules import UNDER_WAY, Holdings, decide
from credits import ledger
from credits.models import Wallet, new_id
from organizations import audit_events
from organizations.calendar import month_of

BACK_OFF = timedelta(hours=1)
MOST_FAILURES = 3
# How long a refused spend answers that credits are on their way: as long as a charge with its retries may take.
RECHARGING_LASTS = timedelta(seconds=60)


OUTCOMES = {
    RechargeState.SUCCEEDED: Action.AUTO_RECHARGE_SUCCEEDED,
    RechargeState.FAILED: Action.AUTO_RECHARGE_FAILED,
    RechargeState.NEEDS_PERSON: Action.AUTO_RECHARGE_NEEDS_PERSON,
}


def begin(wallet_id: int, now: datetime | None) -> RechargeAttempt | None:
    """Commit an attempt and its order and return it; None where the wallet's rule buys nothing now.

    now: for tests; without it the database's clock, read after the lock.
    """
    if not stripe_gateway.is_set_up():
        return None
    with transaction.atomic(), ledger.open_book(keys=[(wallet_id, "")], now=now) as book:
        wallet = book.wallet(wallet_id)
        row = _due_rule(wallet.organization_id, wallet.now)
        if row is None or wallet.available >= row.threshold:
            return None
        held = sum(grant.remaining for grant in wallet.grants.values())
        decision = decide(row, Holdings(wallet.available, wallet.debt, held, wallet.now))
        if decision.quote is None or decision.terms is None:
            return None
        attempt_id = new_id()
        purchase = write_order(
            decision.quote,
            organization=row.organization,
            buyer=None,
            method=Method.AUTO_RECHARGE,
            terms=decision.terms,
            form_token=f"recharge:{attempt_id}",
            now=wallet.now,
        )
        ledger.set_recharging(book, wallet_id=wallet_id, until=wallet.now + RECHARGING_LASTS)
        return RechargeAttempt.objects.create(
            id=attempt_id,
            organization=row.organization,
            purchase=purchase,
            payment_method=decision.payment_method,
            month_on=month_of(wallet.now, ZoneInfo(row.organization.time_zone)),
            amount_minor=purchase.amount_minor,
            created_at=wallet.now,
        )


def _due_rule(organization_id: int, now: datetime) -> AutoRecharge | None:
    """Return the rule if it is on, not paused, not backing off, and has no open attempt. Under the wallet's lock."""
    row = rules().filter(pk=organization_id, is_on=True, paused_at=None).first()
    if row is None or (row.retry_at is not None and now < row.retry_at):
        return None
    if RechargeAttempt.objects.filter(organization=organization_id, state__in=UNDER_WAY).exists():
        return None
    return row


def rules() -> QuerySet[AutoRecharge]:
    """Every rule, with the rows that a decision about it reads."""
    return AutoRecharge.objects.select_related("pack", "organization__wallet__program")


def close(
    attempt: RechargeAttempt,
    state: RechargeState,
    failure: stripe_gateway.Refused | None,
    *,
    now: datetime | None,
    payment_id: str | None = None,
    counts: bool = True,
) -> RechargeAttempt:
    """Close an attempt, once, and let its rule continue, back off or pause. Returns the attempt as it is then.

    An attempt whose order is paid has succeeded, whatever `state` says. counts: whether a failure is one of the three
    that pause the rule.
    """
    wallet_id = Wallet.objects.values_list("pk", flat=True).get(organization=attempt.organization_id)
    with transaction.atomic(), ledger.open_book(keys=[(wallet_id, "")], now=now) as book:
        purchase = Purchase.objects.select_for_update(no_key=True).get(pk=attempt.purchase_id)
        locked = RechargeAttempt.objects.select_related("organization").get(pk=attempt.pk)
        if locked.state not in UNDER_WAY:
            return locked
        instant = book.wallet(wallet_id).now
        is_paid = purchase.state == PurchaseState.PAID
        locked.state = RechargeState.SUCCEEDED if is_paid else state
        locked.closed_at = instant
        if failure is not None and not is_paid:
            locked.error_code, locked.error_message = _code_of(failure), failure.message[:300]
            _fail_order(purchase, failure, payment_id)
        else:
            locked.error_code = locked.error_message = ""
        locked.save(update_fields=["state", "closed_at", "error_code", "error_message"])
        ledger.set_recharging(book, wallet_id=wallet_id, until=None)
        if _update_rule(book, wallet_id, locked, instant, counts=counts):
            notices.publish_failure(locked, purchase, now=instant)
        audit_events.record(
            action=OUTCOMES[RechargeState(locked.state)],
            organization=locked.organization,
            target=purchase.reference,
            details={"attempt": str(locked.pk), "amount_minor": locked.amount_minor, "code": locked.error_code},
            now=instant,
        )
        if locked.state == RechargeState.SUCCEEDED:
            notices.alarm_about_bursts(locked, now=instant)
    return locked


def _code_of(failure: stripe_gateway.Refused) -> str:
    decline_code = failure.decline_code if isinstance(failure, stripe_gateway.Declined) else ""
    return (decline_code or failure.code)[:100]


def _fail_order(purchase: Purchase, failure: stripe_gateway.Refused, payment_id: str | None) -> None:
    if purchase.state in {PurchaseState.PENDING, PurchaseState.PROCESSING}:
        purchase.state = PurchaseState.FAILED
        purchase.failure = failure.message[:200]
    purchase.stripe_payment_intent_id = purchase.stripe_payment_intent_id or payment_id
    purchase.save(update_fields=["state", "failure", "stripe_payment_intent_id"])


def _update_rule(book: ledger.Book, wallet_id: int, attempt: RechargeAttempt, now: datetime, *, counts: bool) -> bool:
    """Reset the failures after a success; back off after a failure, and pause where a retry is of no use.

    Returns whether this paused the rule.
    """
    reason = None
    row = AutoRecharge.objects.select_for_update(no_key=True, of=("self",)).get(pk=attempt.organization_id)
    if attempt.state == RechargeState.SUCCEEDED:
        row.failures, row.retry_at = 0, None
    elif counts:
        row.failures += 1
        row.retry_at = now + BACK_OFF
        if attempt.state == RechargeState.NEEDS_PERSON:
            reason = PauseReason.AUTHENTICATION
        elif row.failures >= MOST_FAILURES:
            reason = PauseReason.FAILURES
    pauses = reason is not None and row.paused_at is None
    if reason is not None and pauses:
        row.paused_at, row.pause_reason = now, reason
        ledger.set_watch(book, wallet_id=wallet_id, below=None)
    row.save(update_fields=["failures", "retry_at", "paused_at", "pause_reason"])
    return pauses
