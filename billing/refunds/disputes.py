"""Disputes: a bank takes a payment back, or asks about it. While one is open, what is left of the grant is frozen.

An inquiry (`warning_…`) moves no money and freezes nothing. A lost dispute counts as money that went back; what it
takes belongs in `clawback`. After any other end the grant can be spent again.
"""

from collections.abc import Iterable

from django.db.models import QuerySet

from billing.audit_actions import Action
from billing.models import Dispute, Purchase
from billing.stripe_gateway import DisputeState
from credits import audit_actions as credits_audit
from credits import ledger
from organizations import audit_events
from organizations.models import Organization

OPEN = frozenset({"needs_response", "under_review"})
LOST = "lost"
# How far along a dispute is. Stripe's answers can overtake each other; one that is behind changes nothing.
RANKS = {
    "warning_needs_response": 0,
    "warning_under_review": 1,
    "warning_closed": 2,
    "needs_response": 3,
    "under_review": 3,
    "prevented": 4,
    "won": 4,
    "lost": 4,
}
CLOSED_RANK = 4
UNDECIDED = OPEN | {"warning_needs_response", "warning_under_review"}


def open_ones(organization: Organization) -> QuerySet[Dispute]:
    """The organization's disputes that are not decided. Inquiries do not count."""
    return Dispute.objects.filter(purchase__organization=organization, status__in=OPEN)


def record_states(book: ledger.Book, purchase: Purchase, states: Iterable[DisputeState]) -> None:
    """Record the states of a purchase's disputes at Stripe. Under the wallet's lock; a second call changes nothing."""
    known = {row.stripe_id: row for row in Dispute.objects.filter(purchase=purchase)}
    now = book.wallet(purchase.organization.wallet.pk).now
    for state in sorted(states, key=lambda each: (each.created_at, each.id)):
        row = known.get(state.id)
        if row is not None and not _is_ahead(state.status, of=row.status):
            continue
        was = row.status if row is not None else ""
        row = row or Dispute(purchase=purchase, stripe_id=state.id, opened_at=state.created_at)
        row.status, row.reason, row.amount_minor = state.status, state.reason[:60], _amount(purchase, state)
        row.closed_at = now if _is_closed(state.status) else None
        row.save()
        audit_events.record(
            action=Action.DISPUTE_OPENED if not was else Action.DISPUTE_CHANGED,
            organization=purchase.organization,
            target=purchase.reference,
            details={"dispute": state.id, "was": was, "is": state.status, "amount_minor": row.amount_minor},
            now=now,
        )


def has_news(purchase: Purchase, states: Iterable[DisputeState]) -> bool:
    """Whether the disputes of a purchase at Stripe are ahead of ours. Without a lock."""
    known = dict(Dispute.objects.filter(purchase=purchase).values_list("stripe_id", "status"))
    return any(state.id not in known or _is_ahead(state.status, of=known[state.id]) for state in states)


def hold(book: ledger.Book, purchase: Purchase) -> None:
    """Freeze what is left of the grant while a dispute is open; thaw it when none is.

    Under the wallet's lock. A grant that staff froze stays frozen.
    """
    if purchase.grant_id is None:
        return
    wallet_id = purchase.organization.wallet.pk
    rows = Dispute.objects.filter(purchase=purchase)
    if rows.filter(status__in=OPEN).exists():
        if ledger.freeze(book, wallet_id=wallet_id, grant_id=purchase.grant_id):
            rows.filter(status__in=OPEN).update(has_frozen=True)
            _record(book, purchase, credits_audit.Action.GRANT_FROZEN)
    elif rows.filter(has_frozen=True).update(has_frozen=False) and ledger.thaw(
        book, wallet_id=wallet_id, grant_id=purchase.grant_id
    ):
        _record(book, purchase, credits_audit.Action.GRANT_UNFROZEN)


def _is_ahead(status: str, *, of: str) -> bool:
    return status != of and _rank(status) >= _rank(of)


def _rank(status: str) -> int:
    # An unknown status is taken for a dispute under review.
    return RANKS.get(status, RANKS["under_review"])


def _is_closed(status: str) -> bool:
    return status == "warning_closed" or _rank(status) == CLOSED_RANK


def _amount(purchase: Purchase, state: DisputeState) -> int:
    """What is disputed, in the purchase's currency; all of it where the bank counts in another currency."""
    return state.amount_minor if state.currency == purchase.currency else purchase.amount_minor


def _record(book: ledger.Book, purchase: Purchase, action: credits_audit.Action) -> None:
    audit_events.record(
        action=action,
        organization=purchase.organization,
        target=str(purchase.grant_id),
        reason="dispute",
        details={"purchase": purchase.reference},
        now=book.wallet(purchase.organization.wallet.pk).now,
    )
