"""The rows of refunds: their states, and how Stripe's states are recorded in them. What staff may do is in `refunding`.

A refund can succeed at first and fail later, never the other way round, so an answer of Stripe's that is behind is
ignored.
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
    """The filter of refunds that Stripe was asked for, or was about to be, and whose answer is not known."""
    return Q(
        state__in=[RefundState.PENDING, RefundState.UNKNOWN],
        stripe_id=None,
        purchase__stripe_payment_intent_id__isnull=False,
    )


def record_states(book: ledger.Book, purchase: Purchase, states: Iterable[stripe_gateway.RefundState]) -> None:
    """Record the states of a purchase's refunds at Stripe. Under the wallet's lock; a second call changes nothing.

    A refund without a row was made in Stripe's dashboard: it gets one, and credits already used become debt.
    """
    now = book.wallet(purchase.organization.wallet.pk).now
    rows = list(Refund.objects.filter(purchase=purchase))
    for state in sorted(states, key=lambda each: (each.created_at, each.id)):
        row = next((row for row in rows if row.stripe_id == state.id), None) or next(
            (row for row in rows if row.pk == state.refund_id and row.stripe_id is None), None
        )
        row = row or _found(purchase, state)
        target = _state_of(state)
        is_first = row.stripe_id is None
        if is_first:
            Refund.objects.filter(pk=row.pk).update(stripe_id=state.id)
            row.stripe_id = state.id
        if is_first or RANKS[target] > RANKS[RefundState(row.state)]:
            set_state(row, target, why=state.failure_reason, is_forced=is_first, now=now)


def has_news(purchase: Purchase, states: Iterable[stripe_gateway.RefundState]) -> bool:
    """Whether the refunds of a purchase at Stripe are ahead of ours. Without a lock."""
    known = dict(Refund.objects.filter(purchase=purchase).values_list("stripe_id", "state"))
    return any(
        state.id not in known or RANKS[_state_of(state)] > RANKS[RefundState(known[state.id])] for state in states
    )


def _state_of(state: stripe_gateway.RefundState) -> RefundState:
    return STATES.get(state.status, RefundState.PENDING)


def _found(purchase: Purchase, state: stripe_gateway.RefundState) -> Refund:
    before = clawback.reversed_minor(purchase)
    terms = {"credits": purchase.credits, "paid_minor": purchase.amount_minor}
    row = Refund.objects.create(
        purchase=purchase,
        amount_minor=state.amount_minor,
        credits=clawback.credits_for(before + state.amount_minor, **terms) - clawback.credits_for(before, **terms),
        mode=RefundMode.ALL,
        reason=_("Created in the Stripe Dashboard."),
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
    """Move a refund to a later state, under its wallet's lock. is_forced: or to an earlier one.

    why: Stripe's reason; reason: a person's.
    """
    current = Refund.objects.get(pk=row.pk)
    if current.state == state or (RANKS[state] <= RANKS[RefundState(current.state)] and not is_forced):
        return
    current.state = state
    current.closed_at = None if state == RefundState.PENDING else now or timezone.now()
    current.save(update_fields=["state", "closed_at"])
    row.state = current.state
    record(current, OUTCOMES[state], actor=actor, reason=reason or why)


def record(row: Refund, action: Action, *, actor: User | None = None, reason: str = "") -> None:
    """Write an audit event about a refund."""
    audit_events.record(
        action=action,
        organization=row.purchase.organization,
        actor=actor,
        target=row.purchase.reference,
        reason=reason,
        details={"refund": str(row.pk), "amount_minor": row.amount_minor, "mode": row.mode},
        now=row.closed_at or row.created_at,
    )
