"""What is written of refunds: the rows, their states, and what Stripe says of them. No verb of a person's is here.

A refund may seem to succeed and fail later, never the other way: an answer of Stripe's that is behind is passed over.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import Purchase, Refund, RefundMode, RefundState
from billing.refunds import clawback
from credits import ledger
from organizations import audit_events
from organizations.models import User

STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
OUTCOMES = {
    RefundState.PENDING: Action.REFUND_PENDING,
    RefundState.UNKNOWN: Action.REFUND_UNKNOWN,
    RefundState.SUCCEEDED: Action.REFUND_SUCCEEDED,
    RefundState.FAILED: Action.REFUND_FAILED,
}
RANKS = {RefundState.PENDING: 0, RefundState.UNKNOWN: 0, RefundState.SUCCEEDED: 1, RefundState.FAILED: 2}


def unresolved() -> Q:
    """Stripe was asked, or was about to be, and its answer is not here."""
    return Q(
        state__in=[RefundState.PENDING, RefundState.UNKNOWN],
        stripe_id=None,
        purchase__stripe_payment_intent_id__isnull=False,
    )


def learn(book: ledger.Book, purchase: Purchase, states: Iterable[stripe_gateway.RefundState]) -> None:
    """Write down what Stripe says of a purchase's refunds. Under the wallet's lock; a second call changes nothing.

    One that we didn't make was made in Stripe's dashboard: what is spent of it becomes debt.
    """
    now = book.wallet(purchase.organization.wallet.pk).now
    rows = list(Refund.objects.filter(purchase=purchase))
    for state in sorted(states, key=lambda each: (each.created_at, each.id)):
        row = next((row for row in rows if row.stripe_id == state.id), None) or next(
            (row for row in rows if row.pk == state.refund_id and row.stripe_id is None), None
        )
        row = row or _found(purchase, state)
        target = _state_of(state)
        is_news = row.stripe_id is None
        if is_news:
            Refund.objects.filter(pk=row.pk).update(stripe_id=state.id)
            row.stripe_id = state.id
        if is_news or RANKS[target] > RANKS[RefundState(row.state)]:
            set_state(row, target, why=state.failure_reason, is_forced=is_news, now=now)


def has_news(purchase: Purchase, states: Iterable[stripe_gateway.RefundState]) -> bool:
    """Whether Stripe says anything of a purchase's refunds that is not written down. Without a lock."""
    known = dict(Refund.objects.filter(purchase=purchase).values_list("stripe_id", "state"))
    return any(
        state.id not in known or RANKS[_state_of(state)] > RANKS[RefundState(known[state.id])] for state in states
    )


def _state_of(state: stripe_gateway.RefundState) -> RefundState:
    return STATES.get(state.status, RefundState.PENDING)


def _found(purchase: Purchase, state: stripe_gateway.RefundState) -> Refund:
    stands = clawback.reversed_minor(purchase)
    terms = {"credits": purchase.credits, "paid_minor": purchase.amount_minor}
    row = Refund.objects.create(
        purchase=purchase,
        amount_minor=state.amount_minor,
        credits=clawback.credits_for(stands + state.amount_minor, **terms) - clawback.credits_for(stands, **terms),
        mode=RefundMode.ALL,
        reason=_("Made in Stripe's dashboard."),
        created_at=state.created_at,
    )
    record(row, Action.REFUND_FOUND)
    return row


def set_state(
    row: Refund,
    state: RefundState,
    *,
    why: str = "",
    is_forced: bool = False,
    actor: User | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> None:
    """Move a refund, under its wallet's lock; from a state that is behind only, unless Stripe speaks of it first."""
    current = Refund.objects.get(pk=row.pk)
    if current.state == state or (RANKS[state] <= RANKS[RefundState(current.state)] and not is_forced):
        return
    current.state = state
    current.closed_at = None if state == RefundState.PENDING else now or timezone.now()
    current.save(update_fields=["state", "closed_at"])
    row.state = current.state
    record(current, OUTCOMES[state], actor=actor, reason=reason or why)


def record(row: Refund, action: Action, *, actor: User | None = None, reason: str = "") -> None:
    audit_events.record(
        action=action,
        organization=row.purchase.organization,
        actor=actor,
        target=row.purchase.reference,
        reason=reason,
        details={"refund": str(row.pk), "amount_minor": row.amount_minor, "mode": row.mode},
        now=row.closed_at or row.created_at,
    )
